"""The model card of a release candidate: as SageMaker's registry takes it, and as a page beside the report."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from contract.evaluation.document import Evaluation, LabelMetrics, Metrics
from contract.evaluation.vocabulary import EVASION_NAMES, LABEL_METRIC_NAMES, METRIC_NAMES, SYSTEM_NAMES
from contract.model.policy import NEVER, PolicyDocument
from release.aws.platform import Platform
from release.decision.candidate import Candidate

Metric = Literal[
    "macro_average_precision",
    "macro_auroc",
    "macro_f1",
    "false_positives_per_1000_clean",
    "expected_calibration_error",
]
LabelMetric = Literal["average_precision", "auroc", "precision", "recall", "f1"]
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
LONGEST_TEXT = 2048
LONGEST_DETAIL = 1024
LONGEST_VALUE = 255
# Of all figures those that a card shows
METRICS: tuple[Metric, ...] = get_args(Metric)
LABEL_METRICS: tuple[LabelMetric, ...] = get_args(LabelMetric)
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
        "evaluated on": f"{rows['test']} test rows, thresholds chosen on {rows['validation']} validation rows",
        "training job": candidate.training_job_name,
        "evaluation job": candidate.evaluation_job_name,
        "trained model": candidate.trained_model_uri,
        "served model": candidate.model_data_uri,
        "decision policy": candidate.policy["id"],
        "training image": platform.training_image_uri,
        "inference image": platform.inference_image_uri,
    }


def _metric_groups(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for title, metrics in _systems(evaluation).items():
        yield {"name": title, "metric_data": _numbers({METRIC_NAMES[name]: metrics[name] for name in METRICS})}
    for label in evaluation["labels"]:
        figures = evaluation["candidate"]["labels"][label]
        numbers = _numbers({LABEL_METRIC_NAMES[name]: figures[name] for name in LABEL_METRICS})
        yield {"name": label[:63], "metric_data": numbers}


def _systems(evaluation: Evaluation) -> dict[str, Metrics]:
    """Name of each system that was scored to its metrics."""
    results = {system: evaluation[system] for system in SYSTEM_NAMES}
    return {SYSTEM_NAMES[system]: result["metrics"] for system, result in results.items() if result}


def _numbers(metrics: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """What could be computed, in the schema's form."""
    return [{"name": name, "type": "number", "value": value} for name, value in metrics.items() if value is not None]


def page(candidate: Candidate, platform: Platform) -> str:
    """model_card.md: the same for people, with every rule of the gate and every threshold."""
    evaluation, decision = candidate.evaluation, candidate.decision
    systems = _systems(evaluation)

    parts = [
        f"# {platform.project_name}: {candidate.policy['id']} on {candidate.training_job_name}",
        f"Multilabel classification of text for moderation: {', '.join(evaluation['labels'])}. {INTENDED_USE}",
        f"**Gate: {decision.verdict}.** {decision.summary}",
        "## All labels together",
        _table(
            ["Metric", *systems],
            [[METRIC_NAMES[name], *(_shown(metrics[name]) for metrics in systems.values())] for name in METRICS],
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


def _label_row(label: str, figures: LabelMetrics, policy: PolicyDocument) -> list[str]:
    interval, thresholds = figures["intervals"]["average_precision"], policy["labels"][label]
    return [
        label,
        str(figures["positives"]),
        _shown(figures["average_precision"]),
        f"{_shown(interval['low'])} to {_shown(interval['high'])}",
        _shown(thresholds["review"]),
        _shown(figures["precision"]),
        _shown(figures["recall"]),
        "never" if thresholds["block"] >= NEVER else _shown(thresholds["block"]),
    ]


def _robustness(evaluation: Evaluation) -> Iterator[list[str]]:
    for group, cases in sorted(evaluation["behaviour"]["candidate"].items()):
        yield [f"behaviour: {group}", f"{cases['passed']} of {cases['cases']} cases passed"]
    for kind, recall in sorted(evaluation["evasion"]["candidate"].items()):
        yield [f"evasion: {EVASION_NAMES.get(kind, kind)}", f"{_shown(recall['kept'])} of the recall kept"]


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "Not measured."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
