"""Average precision and AUROC under row weights, from one sort of the scores."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ranking:
    """One label's annotated rows by falling score, and the cuts between which weights of rows are summed."""

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
    annotated = np.flatnonzero(~np.isnan(truth))
    rows = annotated[np.argsort(-scores[annotated], kind="stable")]
    answers, ranked = truth[rows] == 1, scores[rows]
    if not answers.any():
        return None

    # equal scores are one step of both curves: only the ends of their runs are cuts
    firsts = np.append(0, np.flatnonzero(np.diff(ranked)) + 1)  # where each run of equal scores begins
    lasts = np.append(firsts[1:], len(rows))  # and ends
    places = np.flatnonzero(answers)
    holders = np.searchsorted(firsts, places, side="right") - 1  # the run of each positive

    # a run without a positive changes neither figure but by its rows, which the next cut counts
    used, runs = np.unique(holders, return_index=True)
    cuts = np.unique(np.concatenate([[0], firsts[used], lasts[used]]))
    starts, ends = np.searchsorted(cuts, firsts[used]), np.searchsorted(cuts, lasts[used])
    return Ranking(rows, cuts, starts, ends, rows[places], runs)


def ranked_figures(ranking: Ranking, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and AUROC (resamples) under weights (rows, resamples); NaN where either isn't defined.

    Equal scores form one step of both curves, as in scikit-learn.
    """
    # weight of all rows, and of the positives, down to each cut
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

    # average precision: the precision at the end of each run, weighted by the positives that the run adds
    precision = np.divide(hits, after, out=np.zeros_like(hits), where=after > 0)
    average_precision = np.divide((precision * gained).sum(axis=0), positives, out=nothing.copy(), where=positives > 0)

    # AUROC: a positive beats the negatives after its run, and half of those within it
    above = before - (hits - gained)
    within = after - before - gained
    beaten = (gained * (negatives - above - within / 2)).sum(axis=0)
    pairs = positives * negatives
    return average_precision, np.divide(beaten, pairs, out=nothing, where=pairs > 0)
