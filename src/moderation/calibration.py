"""Makes a score mean what it says, and shows whether it does: temperature, reliability, the price of a threshold."""

import numpy as np

TEMPERATURES = (0.25, 4.0)
PRIOR_SPREAD = 0.5  # of the logarithm: what few rows say about the temperature moves it little
BINS = 10
CURVE_POINTS = 101


def temperature(truth: np.ndarray, logits: np.ndarray) -> float:
    """What to divide all logits by so that scores become true shares (Guo et al. 2017); the order of rows stays.

    truth (rows, labels) of 1, 0 and NaN where not annotated; logits (rows, labels) of rows that nothing was fitted on.
    The value with the highest likelihood under a normal prior around 1: without a row it is 1.
    """
    from scipy.optimize import minimize_scalar

    known = ~np.isnan(truth)
    signed = np.where(truth[known] == 1, -1.0, 1.0) * logits[known]

    def cost(log_temperature: float) -> float:
        loss = np.logaddexp(0, signed / np.exp(log_temperature)).sum()
        return float(loss + (log_temperature / PRIOR_SPREAD) ** 2 / 2)

    lowest, highest = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(cost, bounds=(lowest, highest), method="bounded").x))


def reliability(truth: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Mean score, share of positives and rows of each tenth of the score range that holds a row.

    truth (rows) of 1, 0 and NaN where not annotated, scores (rows) in [0, 1].
    """
    known = ~np.isnan(truth)
    truth, scores = truth[known], scores[known].astype(np.float64)
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
    known = ~np.isnan(truth)
    truth, scores = truth[known], scores[known]
    if not truth.sum():
        return []
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # last row of each distinct score
    hits = np.cumsum(truth[order], dtype=np.float64)[last]
    recall, precision = hits / hits[-1], hits / (last + 1)
    first = np.flatnonzero(np.diff(hits, prepend=0))  # thresholds that find nothing new only cost precision
    if len(first) > CURVE_POINTS:
        wanted = np.linspace(0, 1, CURVE_POINTS)
        first = first[np.unique(np.minimum(np.searchsorted(recall[first], wanted), len(first) - 1))]
    return [[float(recall[place]), float(precision[place]), float(ranked[last[place]])] for place in first]
