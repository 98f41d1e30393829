"""validation_scores.safetensors: what a policy is chosen by, without any text."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.model.archive import VALIDATION_SCORES_FILE


@dataclass(frozen=True, eq=False)
class ValidationScores:
    """What a policy is chosen by; it lies beside the model, so that another policy needs no training."""

    truth: np.ndarray
    """(rows, labels): 1, 0 or NaN."""
    probs: np.ndarray
    """(rows, labels)"""
    prevalence: np.ndarray
    """(labels): share of positives in the train split."""


def write_scores(scores: ValidationScores, directory: Path) -> None:
    """Write the validation scores of a model; neither texts nor ids are in them."""
    import safetensors.numpy

    arrays = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in vars(scores).items()}
    safetensors.numpy.save_file(arrays, directory / VALIDATION_SCORES_FILE)


def read_scores(directory: Path) -> ValidationScores:
    """The validation scores of a model. Raises ValueError where there are none."""
    import safetensors.numpy

    path = directory / VALIDATION_SCORES_FILE
    if not path.is_file():
        raise ValueError(
            f"{directory}: found no {VALIDATION_SCORES_FILE}, expected a model that train.py saved; train again"
        )
    return ValidationScores(**safetensors.numpy.load_file(path))
