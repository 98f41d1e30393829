"""What the Evaluate stage registers: a model, its evaluation, and all that it came from."""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.evaluation.document import Evaluation
from contract.model.policy import PolicyDocument
from release.decision.gate import Decision


@dataclass(frozen=True)
class Candidate:
    """What is registered."""

    model_data_uri: str
    """s3:// of the archive that is served: the trained one, or one repackaged with another policy."""
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
    policy: PolicyDocument
    """policy.json of the archive that is served."""
    policy_targets: str
    """Fingerprint of the policy section by which it was chosen."""
    evaluation_settings: str
    """Fingerprint of the evaluation section and of the behaviour cases that it names."""
    evaluation: Evaluation
    decision: Decision

    @property
    def dataset_version(self) -> str:
        """Of the rows that the model was trained and evaluated on."""
        return self.evaluation["dataset_version"]
