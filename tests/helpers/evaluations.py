"""An evaluation.json of schema 3 in which the candidate is a little better than champion and baseline everywhere, and
what is made of it: candidates, and a prod that serves one.
"""

import copy
import dataclasses
from typing import Any

from release.decision.candidate import Candidate
from release.decision.gate import Decision, Rule

LABELS = ["insult", "threat"]
BETTER = {"difference": 0.03, "low": -0.01, "high": 0.07, "p_worse": 1.0, "p_better": 0.2}
WORSE = {"difference": -0.08, "low": -0.14, "high": -0.02, "p_worse": 0.01, "p_better": 1.0}


def system(average_precision: float = 0.60, auroc: float = 0.90) -> dict[str, Any]:
    """SYSTEM of the contract: candidate, champion, baseline or frozen encoder."""
    interval = {"low": average_precision - 0.05, "high": average_precision + 0.05}
    return {
        "metrics": {
            "macro_average_precision": average_precision,
            "macro_auroc": auroc,
            "macro_f1": 0.55,
            "macro_precision": 0.6,
            "macro_recall": 0.5,
            "micro_average_precision": 0.65,
            "micro_f1": 0.6,
            "false_positives_per_1000_clean": 20.0,
            "expected_calibration_error": 0.04,
        },
        "intervals": dict.fromkeys(("macro_average_precision", "macro_auroc", "macro_f1"), interval),
        "labels": {
            label: {
                "positives": 40,
                "average_precision": average_precision,
                "auroc": auroc,
                "precision": 0.6,
                "recall": 0.5,
                "f1": 0.55,
                "threshold": 0.4,
                "expected_calibration_error": 0.04,
                "intervals": dict.fromkeys(("average_precision", "auroc", "f1"), interval),
            }
            for label in LABELS
        },
    }


def comparison(difference: dict[str, float] = BETTER, flips: float = 0.02) -> dict[str, Any]:
    """COMPARISON of the contract: candidate minus another system on the same rows."""
    return {
        "macro_average_precision": dict(difference),
        "labels": {label: dict(difference) for label in LABELS},
        "flips": dict.fromkeys(LABELS, flips),
    }


def slices() -> dict[str, Any]:
    plain = {
        "rows": 120,
        "positives": 30,
        "macro_average_precision": 0.58,
        "macro_f1": 0.5,
        "false_positive_rate": 0.03,
    }
    aucs = {"subgroup_auc": 0.85, "bpsn_auc": 0.86, "bnsp_auc": 0.88}
    return {
        "length": {"short": dict(plain), "long": dict(plain)},
        "language": {"en": dict(plain)},
        "identity": {"women": plain | aucs, "jewish": plain | aucs | {"positives": 3, "bpsn_auc": 0.1}},
    }


def evaluation(champion: bool = True) -> dict[str, Any]:
    """The whole of evaluation.json, free to be changed; without a champion it is a first run's."""

    def both(candidate: Any) -> dict[str, Any]:
        return {"candidate": candidate, "champion": copy.deepcopy(candidate) if champion else None}

    return copy.deepcopy(
        {
            "schema_version": 3,
            "dataset_version": "0123456789abcdef",
            "rows": {"validation": 280, "test": 700},
            "labels": LABELS,
            "policy_id": "p-0123456789ab",
            "candidate": system(0.60),
            "champion": system(0.57) if champion else None,
            "baseline": system(0.57, 0.85),
            "frozen_encoder": system(0.55, 0.86),
            "champion_left_out": None,
            "labels_dropped": [],
            "comparison": {
                "champion": comparison() if champion else None,
                "baseline": comparison(),
                "frozen_encoder": comparison(),
            },
            "curves": {
                label: {"precision_recall": [[0.2, 0.9, 0.8], [0.5, 0.6, 0.4], [1.0, 0.1, 0.01]], "reliability": []}
                for label in LABELS
            },
            "confusion": {
                label: {"true_positives": 20, "false_positives": 13, "false_negatives": 20, "true_negatives": 647}
                for label in LABELS
            },
            "slices": both(slices()),
            "behaviour": both({"negation": {"cases": 20, "passed": 16, "share": 0.8}}),
            "evasion": both({"leetspeak": {"rows": 80, "recall_clean": 0.5, "recall_evaded": 0.4, "kept": 0.8}}),
            "latency": both({"p50_milliseconds": 9.0, "p95_milliseconds": 20.0, "texts_per_second": 150.0}),
            "worst_mistakes": [{"id": "r-1", "label": "insult", "truth": 1, "score": 0.01}],
            "seconds": {"model": 20.0, "metrics": 8.0},
        }
    )


PASSED = Decision((Rule("minimum.macro_auroc", 0.75, 0.9, True, "macro auroc is 0.900: passed."),))
FAILED = Decision((Rule("minimum.macro_auroc", 0.95, 0.9, False, "macro auroc is 0.900: failed."),))
POLICY = {"id": "p-0123456789ab", "labels": {label: {"review": 0.4, "block": 0.8} for label in LABELS}}


def candidate(**changes: Any) -> Candidate:
    """A candidate that passed the gate, with the changes."""
    model = "s3://moderation-models/training/moderation-train-abc/output/model.tar.gz"
    return dataclasses.replace(
        Candidate(
            model_data_uri=model,
            trained_model_uri=model,
            training_job_name="moderation-train-abc",
            evaluation_job_name="moderation-evaluate-def",
            evaluation_uri="s3://moderation-models/evaluation/moderation-evaluate-def/",
            dataset_uri="s3://moderation-data/prepared/0123456789abcdef/",
            commit_id="c0ffee",
            hyperparameters={"epochs": "2", "batch-size": "16"},
            policy=POLICY,
            policy_targets="0123456789ab",
            evaluation_settings="ba9876543210",
            evaluation=evaluation(),
            decision=PASSED,
        ),
        **changes,
    )


def make_prod_run(package: str, sagemaker: Any, name: str = "first") -> None:
    """Let prod serve a package, as terraform/endpoint would, with models and configs of this name."""
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/moderation-endpoint",
        PrimaryContainer={
            "Image": "image",
            "ModelDataUrl": "s3://moderation-models/training/job/output/model.tar.gz",
            "Environment": {"MODEL_PACKAGE_ARN": package},
        },
    )
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    for endpoint in sagemaker.list_endpoints()["Endpoints"]:
        sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])
    sagemaker.create_endpoint(EndpointName="moderation-prod", EndpointConfigName=name)
