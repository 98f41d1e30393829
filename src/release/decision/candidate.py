"""What the Evaluate stage registers: a model, how it was judged, and all that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.decision.gate import Decision


@dataclass(frozen=True)
class Candidate:
    """What is registered."""

    model_data_uri: str
    """s3:// of the archive that ships."""
    trained_model_uri: str
    """s3:// of the archive that the training left: another one where the policy was changed since."""
    training_job_name: str
    evaluation_job_name: str
    evaluation_uri: str
    """s3:// prefix, with a final slash, of evaluation.json, report.html, policy.json and model_card.md."""
    dataset_uri: str
    """s3:// prefix, with a final slash, of the prepared dataset."""
    commit_id: str
    hyperparameters: Mapping[str, str]
    policy: Mapping[str, Any]
    """policy.json as it ships."""
    policy_targets: str
    """Fingerprint of the policy section by which it was chosen."""
    evaluation_settings: str
    """Fingerprint of the evaluation section and of the functional cases that it names."""
    evaluation: Mapping[str, Any]
    """evaluation.json."""
    decision: Decision

    @property
    def dataset_version(self) -> str:
        """Of the rows that the model was trained and judged on."""
        return self.evaluation["dataset_version"]
