"""What the Evaluate stage tells the approver and the later stages: a few variables, in few characters."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from contract.evaluation.document import HEADLINE, Difference, Evaluation
from release.decision.gate import Decision

# An approval's CustomData holds 1,000 characters for everything that is shown
SUMMARY_CHARACTERS = 280
LABEL_CHARACTERS = 30


@dataclass(frozen=True)
class Verdict:
    """What the Evaluate stage decided, and on what."""

    decision: Decision
    package_arn: str
    champion_arn: str | None
    """The package that served prod; None on the first run."""
    evaluation: Evaluation
    report_url: str
    remark: str
    """What the approver must know beside the rules; otherwise empty."""


def exports(verdict: Verdict) -> dict[str, str]:
    """The variables that the approval shows and the later stages use."""
    evaluation = verdict.evaluation
    metrics, champion = evaluation["candidate"]["metrics"], evaluation["champion"]
    comparison = evaluation["comparison"]["champion"]

    return {
        "GATE": verdict.decision.verdict,
        "GATE_SUMMARY": summary(verdict),
        "MODEL_PACKAGE_ARN": verdict.package_arn,
        "CHAMPION_PACKAGE_ARN": verdict.champion_arn or "none",
        "POLICY_ID": evaluation["policy_id"],
        "MACRO_AVERAGE_PRECISION": _spoken(metrics[HEADLINE]),
        "MACRO_AUROC": _spoken(metrics["macro_auroc"]),
        "MACRO_F1": _spoken(metrics["macro_f1"]),
        "CHAMPION_MACRO_AVERAGE_PRECISION": _spoken(champion["metrics"][HEADLINE] if champion else None),
        "AGAINST_CHAMPION": _difference(comparison[HEADLINE] if comparison else None),
        "WORST_LABEL": worst_label(comparison["labels"] if comparison else {}),
        "MOST_FLIPS": most_flips(comparison["flips"] if comparison else {}),
        "FALSE_POSITIVES_PER_1000_CLEAN": _spoken(metrics["false_positives_per_1000_clean"], digits=1),
        "REPORT_URL": verdict.report_url,
    }


def summary(verdict: Verdict) -> str:
    """The gate's summary and the remark, cut to what an approval has room for."""
    text = f"{verdict.decision.summary} {verdict.remark}".rstrip()
    return text if len(text) <= SUMMARY_CHARACTERS else text[: SUMMARY_CHARACTERS - 3].rstrip() + "..."


def worst_label(differences: Mapping[str, Difference]) -> str:
    """The label that lost most, or gained least, against the champion, with its interval; `none` without one."""
    losses = {
        label: compared["difference"] for label, compared in differences.items() if compared["difference"] is not None
    }
    if not losses:
        return "none"
    label = min(losses, key=lambda each: losses[each])
    return f"{label[:LABEL_CHARACTERS]} {_difference(differences[label])}"


def most_flips(shares: Mapping[str, float | None]) -> str:
    """The label whose flag changes on most test rows, with their share; `none` without a champion."""
    measured = {label: share for label, share in shares.items() if share is not None}
    if not measured:
        return "none"
    label = max(measured, key=lambda each: measured[each])
    return f"{label[:LABEL_CHARACTERS]} {measured[label]:.1%}"


def remark_on(evaluation: Evaluation, champion_arn: str | None, same_model: bool, same_policy: bool) -> str:
    """What the approver must know beside the rules; empty where the comparison says it all."""
    if evaluation["champion"] is not None:
        if not same_model:
            return ""
        return f"Prod runs this very model: only the {'evaluation' if same_policy else 'decision policy'} is new."
    if same_model:
        return "Prod runs this very model."
    if champion_arn:
        return f"Not compared with the model live in prod: {evaluation['champion_left_out']}."
    return "Nothing is live in prod to compare with."


def report_url(bucket: str, key: str, region: str) -> str:
    """The S3 console's page of an object: the approver's own permissions decide, nothing is shared by link."""
    return f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={quote(key, safe='/')}"


def _difference(compared: Difference | None) -> str:
    if compared is None or compared["difference"] is None:
        return "none"
    return f"{compared['difference']:+.3f} ({compared['low']:+.3f} to {compared['high']:+.3f})"


def _spoken(value: float | None, digits: int = 4) -> str:
    return "none" if value is None else f"{value:.{digits}f}"
