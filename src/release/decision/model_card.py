"""The model card of a release candidate: as SageMaker's registry takes it, and as a page beside the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contract.evaluation.vocabulary import SYSTEM_NAMES
from release.aws.platform import Platform
from release.decision.candidate import Candidate

# https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
LONGEST_TEXT = 2048
LONGEST_DETAIL = 1024
LONGEST_VALUE = 255
METRICS = {
    "macro_average_precision": "Macro average precision",
    "macro_auroc": "Macro AUROC",
    "macro_f1": "Macro F1",
    "false_positives_per_1000_clean": "False positives per 1,000 clean rows",
    "expected_calibration_error": "Expected calibration error",
}
LABEL_METRICS = ("average_precision", "auroc", "precision", "recall", "f1")
INTENDED_USE = (
    "Sorting what people wrote for moderation: each label has a score, and the decision policy allows a text, sends it "
    "to a person or blocks it."
)
CAVEATS = (
    "Measured on the test split of its own dataset: other sources, languages, topics and times may fare worse. A text "
    "is read up to the model's greatest length. Scores are no probabilities unless the reliability curves of the "
    "report say so. Read slices, behaviour and evasion in the report before trusting it with a group it may hurt."
)
ETHICS = (
    "A wrong block silences somebody, a wrong allow leaves somebody hurt; both fall unevenly on groups that are often "
    "written about. Leave an appeal to a person, and watch the identity slices."
)


def registry_card(candidate: Candidate, platform: Platform) -> str:
    """ModelCardContent of CreateModelPackage: JSON of the model package model card's schema."""
    labels = ", ".join(candidate.evaluation["labels"])
    card = {
        "model_overview": {
            "model_creator": f"pipeline of {platform.project_name}, commit {candidate.commit_id}"[:LONGEST_DETAIL],
            "model_artifact": [candidate.model_data_uri],
        },
        "intended_uses": {
            "purpose_of_model": f"Multilabel classification of text for moderation: {labels}."[:LONGEST_TEXT],
            "intended_uses": INTENDED_USE,
            "risk_rating": "Unknown",
        },
        "training_details": {
            "training_job_details": {
                "training_arn": job_arn(platform, "training-job", candidate.training_job_name),
                "training_datasets": [f"{candidate.dataset_uri}{split}/" for split in ("train", "validation")],
                "training_environment": {"container_image": [platform.training_image_uri]},
                "user_provided_hyper_parameters": [
                    {"name": name[:LONGEST_VALUE], "value": value[:LONGEST_VALUE]}
                    for name, value in candidate.hyperparameters.items()
                    if value
                ],
            }
        },
        "evaluation_details": [
            {
                "name": f"test split of {candidate.dataset_version}",
                "evaluation_observation": f"Gate {candidate.decision.verdict}. {candidate.decision.summary}"[
                    :LONGEST_TEXT
                ],
                "evaluation_job_arn": job_arn(platform, "processing-job", candidate.evaluation_job_name),
                "datasets": [f"{candidate.dataset_uri}test/"],
                "metadata": {"report": f"{candidate.evaluation_uri}report.html"},
                "metric_groups": list(_metric_groups(candidate.evaluation)),
            }
        ],
        "additional_information": {
            "ethical_considerations": ETHICS,
            "caveats_and_recommendations": CAVEATS,
            "custom_details": {name: value[:LONGEST_DETAIL] for name, value in provenance(candidate, platform).items()},
        },
    }
    return json.dumps(card, ensure_ascii=False)


def job_arn(platform: Platform, kind: str, name: str) -> str:
    """The ARN of a job of this platform: partition, region and account are those of its key."""
    _, partition, _, region, account, _ = platform.kms_key_arn.split(":", 5)
    return f"arn:{partition}:sagemaker:{region}:{account}:{kind}/{name}"


def provenance(candidate: Candidate, platform: Platform) -> dict[str, str]:
    """Where the model comes from, name to value."""
    rows = candidate.evaluation["rows"]
    return {
        "commit": candidate.commit_id,
        "dataset": candidate.dataset_uri,
        "judged on": f"{rows['test']} test rows, thresholds chosen on {rows['validation']} validation rows",
        "training job": candidate.training_job_name,
        "evaluation job": candidate.evaluation_job_name,
        "trained model": candidate.trained_model_uri,
        "shipped model": candidate.model_data_uri,
        "decision policy": candidate.policy["id"],
        "training image": platform.training_image_uri,
        "inference image": platform.inference_image_uri,
    }


def _metric_groups(evaluation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for system, title in SYSTEM_NAMES.items():
        if evaluation.get(system):
            metrics = {METRICS[name]: evaluation[system]["metrics"].get(name) for name in METRICS}
            yield {"name": title, "metric_data": _numbers(metrics)}
    for label in evaluation["labels"]:
        found = evaluation["candidate"]["labels"][label]
        yield {"name": label[:63], "metric_data": _numbers({name: found.get(name) for name in LABEL_METRICS})}


def _numbers(metrics: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """What could be computed, in the schema's form."""
    return [{"name": name, "type": "number", "value": value} for name, value in metrics.items() if value is not None]


def page(candidate: Candidate, platform: Platform) -> str:
    """model_card.md: the same for people, with every rule of the gate and every threshold."""
    evaluation, decision = candidate.evaluation, candidate.decision
    systems = {system: title for system, title in SYSTEM_NAMES.items() if evaluation.get(system)}
    parts = [
        f"# {platform.project_name}: {candidate.policy['id']} on {candidate.training_job_name}",
        f"Multilabel classification of text for moderation: {', '.join(evaluation['labels'])}. {INTENDED_USE}",
        f"**Gate: {decision.verdict}.** {decision.summary}",
        "## All labels together",
        _table(
            ["Metric", *systems.values()],
            [
                [title, *(_shown(evaluation[system]["metrics"].get(name)) for system in systems)]
                for name, title in METRICS.items()
            ],
        ),
        "## Label by label",
        _table(
            ["Label", "Positives", "Average precision", "95 % interval", "Review from", "Precision there",
             "Recall there", "Block from"],
            [_label_row(label, evaluation["candidate"]["labels"][label], candidate.policy) for label in
             evaluation["labels"]],
        ),
        "## Behaviour and evasion",
        _table(["Measured", "Result"], list(_robustness(evaluation))),
        "## Rules of the gate",
        "\n".join(f"- {rule.sentence}" for rule in decision.rules) or "None.",
        "## Where it comes from",
        _table(["", ""], [[name, f"`{value}`"] for name, value in provenance(candidate, platform).items()]),
        "## Know before you rely on it",
        CAVEATS,
        ETHICS,
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _label_row(label: str, found: Mapping[str, Any], policy: Mapping[str, Any]) -> list[str]:
    interval = (found.get("intervals") or {}).get("average_precision") or {}
    thresholds = policy["labels"][label]
    return [
        label,
        str(found["positives"]),
        _shown(found["average_precision"]),
        f"{_shown(interval.get('low'))} to {_shown(interval.get('high'))}",
        _shown(thresholds["review"]),
        _shown(found["precision"]),
        _shown(found["recall"]),
        "never" if thresholds["block"] >= 1 else _shown(thresholds["block"]),
    ]


def _robustness(evaluation: Mapping[str, Any]) -> Iterator[list[str]]:
    for group, found in sorted(((evaluation.get("behaviour") or {}).get("candidate") or {}).items()):
        yield [f"behaviour: {group}", f"{found['passed']} of {found['cases']} cases passed"]
    for kind, found in sorted(((evaluation.get("evasion") or {}).get("candidate") or {}).items()):
        yield [f"evasion: {kind}", f"{_shown(found['kept'])} of the recall kept"]


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "Not measured."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
