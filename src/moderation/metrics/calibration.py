"""Whether a score means what it says, and what each threshold costs: reliability and precision-recall curves."""

import numpy as np

BINS = 10
CURVE_POINTS = 101


def reliability(truth: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Mean score, share of positives and rows of each tenth of the score range that holds a row.

    truth (rows) of 1, 0 and NaN where not annotated, scores (rows) in [0, 1].
    """
    annotated = ~np.isnan(truth)
    truth, scores = truth[annotated], scores[annotated].astype(np.float64)
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    sums, positives = np.bincount(bins, scores, BINS), np.bincount(bins, truth, BINS)
    return [
        [float(sums[index] / rows[index]), float(positives[index] / rows[index]), int(rows[index])]
        for index in np.flatnonzero(rows)
    ]


def calibration_error(truth: np.ndarray, scores: np.ndarray) -> float | None:
    """Expected calibration error: the mean gap of the reliability curve, weighted by rows; None without a row."""
    points = reliability(truth, scores)
    rows = sum(count for _, _, count in points)
    return sum(abs(score - share) * count for score, share, count in points) / rows if rows else None


def precision_recall(truth: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Recall, precision and threshold of at most CURVE_POINTS decisions `score >= threshold`, by rising recall.

    Empty without a positive. Where there are more thresholds than points, each point is the first one that reaches
    the next hundredth of recall.
    """
    annotated = ~np.isnan(truth)
    truth, scores = truth[annotated], scores[annotated]
    if not truth.sum():
        return []

    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # last row of each distinct score
    hits = np.cumsum(truth[order], dtype=np.float64)[last]
    recall, precision = hits / hits[-1], hits / (last + 1)

    first = np.flatnonzero(np.diff(hits, prepend=0))  # thresholds that find nothing new only cost precision
    if len(first) > CURVE_POINTS:
        hundredths = np.linspace(0, 1, CURVE_POINTS)
        first = first[np.unique(np.minimum(np.searchsorted(recall[first], hundredths), len(first) - 1))]
    return [[float(recall[place]), float(precision[place]), float(ranked[last[place]])] for place in first]
