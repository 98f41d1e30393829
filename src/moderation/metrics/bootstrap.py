"""How sure a figure is: the figures of 1,000 resamples of the rows, for whole systems on the same resamples.

Each label's scores are sorted once. A resample is a weight a row, and every figure follows from sums of weights
between the cuts that its positives make in the order, so that no resample is ever sorted or even looked at row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from moderation.metrics.ranking import Ranking, rank, ranked_figures
from moderation.metrics.scored import Scored

SAMPLES = 1000
SEED = 13
FIGURES = ("average_precision", "auroc", "f1")
CHUNK_CELLS = 2_000_000  # weights in memory at once: few enough to stay in the processor's cache
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, eq=False)
class Resampled:
    """The figures of one system in each resample; NaN where a resample has no positive (or no negative) row."""

    labels: list[str]
    figures: dict[str, np.ndarray]
    """Name to (resamples, labels)."""

    def of(self, labels: Sequence[str]) -> "Resampled":
        """The same for some of the labels."""
        columns = [self.labels.index(label) for label in labels]
        return Resampled(list(labels), {name: values[:, columns] for name, values in self.figures.items()})


def resample(
    labels: Sequence[str], truth: np.ndarray, systems: Mapping[Name, Scored], samples: int = SAMPLES, seed: int = SEED
) -> dict[Name, Resampled]:
    """Resample the rows of truth (rows, labels) `samples` times; every system's figures in every resample, by name.

    The resamples are the same for all systems, so that their differences are paired.
    """
    rows = len(truth)
    chance = np.random.default_rng(seed)
    rankings: dict[Name, list[Ranking | None]] = {}
    masks: dict[Name, np.ndarray] = {}
    for name, system in systems.items():
        own = truth[:, system.columns(labels)]
        rankings[name] = [rank(own[:, index], system.probs[:, index]) for index in range(len(system.labels))]
        masks[name] = _decision_masks(own, system.flags)

    parts: dict[Name, list[np.ndarray]] = {name: [] for name in systems}
    size = max(1, min(samples, CHUNK_CELLS // max(rows, 1)))
    for start in range(0, samples, size):
        weights = drawn_weights(chance, rows, min(size, samples - start))
        for name in systems:
            parts[name].append(_figures(rankings[name], masks[name], weights))

    return {
        name: Resampled(list(systems[name].labels), dict(zip(FIGURES, np.concatenate(figures, axis=1), strict=True)))
        for name, figures in parts.items()
    }


def drawn_weights(chance: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """How often each row is drawn: (rows, resamples) float32.

    A row's weights lie together, so that sorting and summing rows moves whole lines of memory.
    """
    drawn = chance.integers(0, rows, (count, rows))
    return np.stack([np.bincount(sample, minlength=rows) for sample in drawn], axis=1).astype(np.float32)


def _decision_masks(truth: np.ndarray, flags: np.ndarray) -> np.ndarray:
    # (rows, 3 * labels): hits, flagged annotated rows, positives
    annotated = ~np.isnan(truth)
    positive = truth == 1
    return np.concatenate([flags & positive, flags & annotated, positive], axis=1).astype(np.float32)


def _figures(rankings: Sequence[Ranking | None], masks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # (figures, resamples, labels)
    hits, flagged, positives = np.split(masks.T @ weights, 3)  # each (labels, resamples)
    f1 = np.divide(2 * hits, positives + flagged, out=np.full(hits.shape, np.nan), where=positives > 0)
    figures = np.full((len(FIGURES), weights.shape[1], len(rankings)), np.nan)
    for index, ranking in enumerate(rankings):
        if ranking is not None:
            figures[0, :, index], figures[1, :, index] = ranked_figures(ranking, weights)
    figures[2] = f1.T
    return figures


def percentiles(resampled: np.ndarray) -> tuple[float | None, float | None]:
    """Lower and upper end of the middle 95 % of a figure's resamples (resamples), NaN left out; None without any."""
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return None, None
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def macro(values: np.ndarray) -> np.ndarray:
    """Mean over the labels (resamples) of values (resamples, labels), NaN left out."""
    counts = (~np.isnan(values)).sum(axis=1)
    return np.divide(np.nansum(values, axis=1), counts, out=np.full(len(values), np.nan), where=counts > 0)
