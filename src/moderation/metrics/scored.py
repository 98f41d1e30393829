"""A system's answers on some rows: what every figure is worked out from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores and thresholds of a system."""

    labels: list[str]
    """That the system knows, in the order of its arrays."""
    probs: np.ndarray
    """(rows, labels) in [0, 1]"""
    thresholds: np.ndarray
    """(labels)"""

    @property
    def flags(self) -> np.ndarray:
        """Decisions (rows, labels): whether a score is at or above its threshold."""
        return self.probs >= self.thresholds

    def columns(self, labels: Sequence[str]) -> list[int]:
        """Where the system's labels stand among those of a dataset."""
        return [labels.index(label) for label in self.labels]
