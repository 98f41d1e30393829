"""The models of an evaluation, out of their archives: the candidate, and the live model where it can be compared."""

import json
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contract.evaluation.document import System
from contract.model.archive import ARCHIVE, TRAINING_FILE
from moderation.evaluation.data import EvaluationData
from moderation.job.container import say
from moderation.model.policy import read_policy


@dataclass(frozen=True, eq=False)
class Model:
    """A model that is evaluated."""

    labels: list[str]
    max_length: int
    """Tokens that its encoder reads of a text."""
    policy_id: str
    thresholds: np.ndarray
    """(labels)"""
    score: Callable[[list[str]], np.ndarray]
    """Probabilities (texts, labels) of some texts."""
    lineage: str | None = None
    """Of the dataset that it was trained on; None where nobody noted it."""

    def of(self, labels: Sequence[str]) -> "Model":
        """The same model, asked for some of its labels."""
        columns = [self.labels.index(label) for label in labels]
        return replace(
            self,
            labels=list(labels),
            thresholds=self.thresholds[columns],
            score=lambda texts: self.score(texts)[:, columns],
        )

    def flags(self, texts: list[str]) -> np.ndarray:
        """Decisions (texts, labels)."""
        return self.score(texts) >= self.thresholds


@dataclass(frozen=True, eq=False)
class Models:
    """The candidate and what became of the live model."""

    by_name: dict[System, Model]
    """`candidate`, and `champion` where there is one that can be compared; it is asked for the shared labels."""
    champion_left_out: str | None
    """Why the live model is not compared; None where it is, or where there is none."""
    labels_dropped: list[str]
    """Labels of the live model that the dataset does not have."""

    @property
    def candidate(self) -> Model:
        """The model that is a candidate for release."""
        return self.by_name["candidate"]


def load_models(candidate_directory: Path, champion_directory: Path | None, data: EvaluationData) -> Models:
    """Load both models. Raises ValueError for a damaged archive, and for a candidate that has other labels."""
    candidate = load_model(candidate_directory, "candidate")
    if candidate.labels != data.labels:
        raise ValueError(
            f"candidate: found a model for the labels {', '.join(candidate.labels)}, expected {', '.join(data.labels)} "
            "as in the dataset; train on this dataset"
        )
    if not champion_directory:
        return Models({"candidate": candidate}, None, [])

    champion = load_model(champion_directory, "champion")
    reason = why_not_compared(champion, data.labels, data.lineage)
    if reason:
        say(f"the live model is not compared: {reason}")
        return Models({"candidate": candidate}, reason, [])
    shared = champion.of([label for label in data.labels if label in champion.labels])
    dropped = [label for label in champion.labels if label not in data.labels]
    return Models({"candidate": candidate, "champion": shared}, None, dropped)


def why_not_compared(champion: Model, labels: Sequence[str], lineage: str | None) -> str | None:
    """The reason why the live model can't be compared on these test rows; None where it can."""
    if not set(champion.labels) & set(labels):
        return "it knows none of this dataset's labels"
    if champion.lineage and lineage and champion.lineage != lineage:
        return "since its training all rows were split anew, so that it may have learnt from these test rows"
    return None


def load_model(directory: Path, name: str) -> Model:
    """The model in a directory's archive, which answers as the endpoint would: fp32, its own policy."""
    import transformers

    from moderation.model.scoring import Scorer

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = unpack(directory, Path(temporary), name)
        scorer = Scorer.load(unpacked)
        policy = read_policy(unpacked, scorer.labels)
        record = unpacked / TRAINING_FILE
        lineage = json.loads(record.read_text(encoding="utf-8")).get("lineage") if record.is_file() else None
    return Model(
        scorer.labels, scorer.max_length, policy.id, policy.review, lambda texts: scorer.score(texts).probs, lineage
    )


def unpack(directory: Path, target: Path, name: str) -> Path:
    """Unpack a model archive; members outside the target are refused. Raises ValueError where it is damaged."""
    path = directory / ARCHIVE
    if not path.is_file():
        raise ValueError(f"{name}: found no {ARCHIVE} in {directory}, expected the output of a training job")
    try:
        with tarfile.open(path) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"{name}: found a damaged {ARCHIVE} ({type(error).__name__}), expected the output of a training job"
        ) from error
    return target
