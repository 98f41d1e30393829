"""Scores of a multilabel classifier. What can't be computed is None: a mean leaves it out, nothing turns it into 0."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from moderation.metrics.ranking import rank, ranked_figures


class Decisions(NamedTuple):
    """How good the decisions for one label are; None without a positive."""

    precision: float | None
    """0 where nothing was flagged."""
    recall: float | None
    f1: float | None


def average_precision(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Average precision of scores (rows) for truth (rows) of 0 and 1; None without a positive."""
    return _ranked(truth, probs)[0]


def auroc(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Area under the ROC curve; None without a positive or without a negative."""
    return _ranked(truth, probs)[1]


def macro_average_precision(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Mean over the labels of truth and probs (rows, labels); a label without a positive is left out."""
    return mean(_by_label(average_precision, truth, probs))


def macro_auroc(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Mean over the labels of truth and probs (rows, labels); a label without both answers is left out."""
    return mean(_by_label(auroc, truth, probs))


def decisions(truth: np.ndarray, flags: np.ndarray) -> Decisions:
    """Precision, recall and F1 of decisions (rows) for truth (rows) of 0 and 1."""
    positives = float(truth.sum())
    if not positives:
        return Decisions(None, None, None)
    hits, flagged = float((truth * flags).sum()), float(flags.sum())
    return Decisions(hits / flagged if flagged else 0.0, hits / positives, 2 * hits / (positives + flagged))


def any_label(truth: np.ndarray) -> np.ndarray:
    """Whether any label of a row is positive (rows) in truth (rows, labels): 1, 0, or NaN where nothing is annotated.

    A row without a positive among its annotated labels counts as clean.
    """
    annotated = ~np.isnan(truth)
    return np.where(annotated.any(axis=1), (truth == 1).any(axis=1).astype(np.float64), np.nan)


def false_positive_share(truth: np.ndarray, flags: np.ndarray, least_rows: int = 1) -> float | None:
    """Share of the clean rows on which any annotated label is flagged; None with fewer than `least_rows` of them."""
    clean = any_label(truth) == 0
    if clean.sum() < least_rows:
        return None
    wrong = (flags & ~np.isnan(truth)).any(axis=1)
    return float(wrong[clean].mean())


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known; None where nothing is."""
    measured = [value for value in values if value is not None]
    return float(np.mean(measured)) if measured else None


def _ranked(truth: np.ndarray, probs: np.ndarray) -> tuple[float | None, float | None]:
    ranking = rank(truth, probs)
    if ranking is None:
        return None, None
    (precision,), (area,) = ranked_figures(ranking, np.ones((len(truth), 1), dtype=np.float64))
    return float(precision), None if np.isnan(area) else float(area)


def _by_label(
    figure: Callable[[np.ndarray, np.ndarray], float | None], truth: np.ndarray, probs: np.ndarray
) -> list[float | None]:
    annotated = ~np.isnan(truth)
    return [
        figure(truth[annotated[:, index], index], probs[annotated[:, index], index]) for index in range(truth.shape[1])
    ]
