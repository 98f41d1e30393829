"""How sure a figure is: the figures of 1,000 resamples of the rows, for whole systems on the same resamples.

Each label's scores are sorted once. A resample is a weight a row, and every figure follows from sums of weights
between the cuts that its positives make in the order, so that no resample is ever sorted or even looked at row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAMPLES = 1000
SEED = 13
FIGURES = ("average_precision", "auroc", "f1")
CHUNK_CELLS = 2_000_000  # weights in memory at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class Resampled:
    """The figures of one system in each resample; NaN where a resample has no positive (or no negative) row."""

    labels: list[str]
    figures: dict[str, np.ndarray]
    """Name to (resamples, labels)."""

    def of(self, labels: Sequence[str]) -> "Resampled":
        """The same for some of the labels."""
        columns = [self.labels.index(label) for label in labels]
        return Resampled(list(labels), {name: values[:, columns] for name, values in self.figures.items()})


@dataclass(frozen=True)
class Ranking:
    """One label's annotated rows by falling score, and the cuts between which a resample's weights are summed."""

    rows: np.ndarray
    """Annotated rows, highest score first."""
    cuts: np.ndarray
    """Places in `rows` where a run of equal scores with a positive begins or ends, and 0."""
    starts: np.ndarray
    """Of each run with a positive: the number of its first cut."""
    ends: np.ndarray
    """Of each such run: the number of the cut after its last row."""
    positives: np.ndarray
    """The positive rows, highest score first."""
    runs: np.ndarray
    """Of each run with a positive: where it begins in `positives`."""


def rank(truth: np.ndarray, scores: np.ndarray) -> Ranking | None:
    """Sort one label's rows by truth (rows) of 1, 0 or NaN and scores (rows); None without a positive."""
    known = np.flatnonzero(~np.isnan(truth))
    rows = known[np.argsort(-scores[known], kind="stable")]
    answers, ranked = truth[rows] == 1, scores[rows]
    if not answers.any():
        return None
    firsts = np.append(0, np.flatnonzero(np.diff(ranked)) + 1)  # where each run of equal scores begins
    lasts = np.append(firsts[1:], len(rows))  # and ends
    places = np.flatnonzero(answers)
    holders = np.searchsorted(firsts, places, side="right") - 1  # the run of each positive
    used, runs = np.unique(holders, return_index=True)
    cuts = np.unique(np.concatenate([[0], firsts[used], lasts[used]]))
    return Ranking(
        rows,
        cuts,
        np.searchsorted(cuts, firsts[used]),
        np.searchsorted(cuts, lasts[used]),
        rows[places],
        runs,
    )


def resample(
    labels: Sequence[str],
    truth: np.ndarray,
    systems: dict[str, tuple[Sequence[str], np.ndarray, np.ndarray]],
    samples: int = SAMPLES,
    seed: int = SEED,
) -> dict[str, Resampled]:
    """Resample the rows `samples` times and work out each system's figures in every resample.

    truth (rows, labels); systems: name to the labels that it knows, scores (rows, its labels) and thresholds (its
    labels). The resamples are the same for all systems, so that their differences are paired.
    """
    rows = len(truth)
    chance = np.random.default_rng(seed)
    rankings, masks = {}, {}
    for name, (known, scores, thresholds) in systems.items():
        own = truth[:, [labels.index(label) for label in known]]
        rankings[name] = [rank(own[:, index], scores[:, index]) for index in range(len(known))]
        masks[name] = _decision_masks(own, scores >= thresholds)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in systems}
    size = max(1, min(samples, CHUNK_CELLS // max(rows, 1)))
    for start in range(0, samples, size):
        weights = _weights(chance, rows, min(size, samples - start))
        for name in systems:
            parts[name].append(_figures(rankings[name], masks[name], weights))
    return {
        name: Resampled(list(systems[name][0]), dict(zip(FIGURES, np.concatenate(found, axis=1), strict=True)))
        for name, found in parts.items()
    }


def _weights(chance: np.random.Generator, rows: int, count: int) -> np.ndarray:
    # (rows, resamples): a row's weights lie together, so that sorting and summing rows moves whole lines of memory
    drawn = chance.integers(0, rows, (count, rows))
    return np.stack([np.bincount(sample, minlength=rows) for sample in drawn], axis=1).astype(np.float32)


def _decision_masks(truth: np.ndarray, flags: np.ndarray) -> np.ndarray:
    # (rows, 3 * labels): hits, flagged annotated rows, positives
    known = ~np.isnan(truth)
    positive = truth == 1
    return np.concatenate([flags & positive, flags & known, positive], axis=1).astype(np.float32)


def _figures(rankings: Sequence[Ranking | None], masks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # (figures, resamples, labels)
    hits, flagged, positives = np.split(masks.T @ weights, 3)  # each (labels, resamples)
    f1 = np.divide(2 * hits, positives + flagged, out=np.full(hits.shape, np.nan), where=positives > 0)
    found = np.full((len(FIGURES), weights.shape[1], len(rankings)), np.nan)
    for index, ranking in enumerate(rankings):
        if ranking is not None:
            found[0, :, index], found[1, :, index] = ranked_figures(ranking, weights)
    found[2] = f1.T
    return found


def ranked_figures(ranking: Ranking, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and AUROC (resamples) under weights (rows, resamples); NaN where either isn't defined.

    Equal scores form one step of both curves, as in scikit-learn.
    """
    inside = ranking.cuts[ranking.cuts < len(ranking.rows)]
    sums = np.add.reduceat(weights[ranking.rows], inside, axis=0)  # weight from each cut to the next
    seen = np.concatenate(
        [np.zeros((1, weights.shape[1]), dtype=np.float64), np.cumsum(sums, axis=0, dtype=np.float64)]
    )
    gained = np.add.reduceat(weights[ranking.positives], ranking.runs, axis=0)  # positives of each run
    hits = np.cumsum(gained, axis=0, dtype=np.float64)
    before, after, everything = seen[ranking.starts], seen[ranking.ends], seen[-1]
    positives = hits[-1]
    negatives = everything - positives
    nothing = np.full(weights.shape[1], np.nan)
    precision = np.divide(hits, after, out=np.zeros_like(hits), where=after > 0)
    average_precision = np.divide((precision * gained).sum(axis=0), positives, out=nothing.copy(), where=positives > 0)
    # a positive beats the negatives after its run, and half of those within it
    above = before - (hits - gained)
    within = after - before - gained
    beaten = (gained * (negatives - above - within / 2)).sum(axis=0)
    pairs = positives * negatives
    return average_precision, np.divide(beaten, pairs, out=nothing, where=pairs > 0)


def interval(resampled: np.ndarray) -> dict[str, float | None]:
    """The middle 95 % of a figure's resamples (resamples), NaN left out."""
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return {"low": None, "high": None}
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"low": float(low), "high": float(high)}


def macro(values: np.ndarray) -> np.ndarray:
    """Mean over the labels (resamples) of values (resamples, labels), NaN left out."""
    counts = (~np.isnan(values)).sum(axis=1)
    return np.divide(np.nansum(values, axis=1), counts, out=np.full(len(values), np.nan), where=counts > 0)


def compare(
    ours: dict[str, Any], theirs: dict[str, Any], our_samples: Resampled, their_samples: Resampled
) -> dict[str, Any]:
    """Ours minus theirs in average precision on their labels, with intervals and chances of the paired resamples.

    ours, theirs: systems in the form of evaluation.json.
    """
    labels = their_samples.labels
    resampled = (
        our_samples.of(labels).figures["average_precision"] - their_samples.figures["average_precision"]
    )  # (resamples, labels)
    points = [
        (ours["labels"][label]["average_precision"], theirs["labels"][label]["average_precision"]) for label in labels
    ]
    by_label = np.array([np.nan if our is None or their is None else our - their for our, their in points])
    known = ~np.isnan(by_label)
    # the mean over the labels stands first
    differences = np.append(by_label[known].mean() if known.any() else np.nan, by_label)
    resampled = np.concatenate([macro(resampled)[:, None], resampled], axis=1)
    spread = np.array(
        [np.std(column[~np.isnan(column)]) if not np.isnan(column).all() else 0 for column in resampled.T]
    )
    own = np.array([ours["labels"][label]["positives"] - 1.0 for label in labels])
    freedom = np.append(pooled_freedom(spread[1:], own), own)
    worse, better = chances(differences, spread, freedom), chances(-differences, spread, freedom)
    found = [
        _difference(float(difference), resampled[:, index], float(worse[index]), float(better[index]))
        for index, difference in enumerate(differences)
    ]
    return {"macro_average_precision": found[0], "labels": dict(zip(labels, found[1:], strict=True))}


def pooled_freedom(spread: np.ndarray, freedom: np.ndarray) -> float:
    """Degrees of freedom of a mean of figures by spread and freedom (figures) of each (Welch and Satterthwaite)."""
    variances = spread[freedom > 0] ** 2
    total = (variances**2 / freedom[freedom > 0]).sum()
    return float(variances.sum() ** 2 / total) if total else 0.0


def chances(differences: np.ndarray, spread: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """p-values (figures) of each figure being truly worse, adjusted for their number by Holm (1979).

    differences (figures), NaN where unknown: neither judged nor counted; spread (figures): standard deviation of the
    resamples; freedom (figures): degrees of freedom, the positive rows less one. The tail is Student's: resamples of
    few positive rows understate how far off a figure may be, and 1,000 of them could not resolve the p-value that one
    of many labels needs. Without freedom or spread nothing is known: 1.
    """
    from scipy.special import stdtr

    found = np.full(len(differences), np.nan)
    known = np.flatnonzero(~np.isnan(differences))
    judged = known[(freedom[known] > 0) & (spread[known] > 0)]
    error = spread[judged] * np.sqrt((freedom[judged] + 1) / freedom[judged])
    single = np.ones(len(differences))
    single[judged] = stdtr(freedom[judged], differences[judged] / error)
    order = known[np.argsort(single[known], kind="stable")]
    adjusted = single[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(adjusted), 1)
    return found


def _difference(difference: float, resampled: np.ndarray, worse: float, better: float) -> dict[str, float | None]:
    if np.isnan(difference):
        return dict.fromkeys(("difference", "low", "high", "p_worse", "p_better"))
    return {"difference": difference, **interval(resampled), "p_worse": worse, "p_better": better}
