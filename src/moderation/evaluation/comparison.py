"""The candidate against another system on the same rows, with intervals and p-values of the paired resamples."""

import numpy as np

from contract.evaluation.document import Comparison, Difference, SystemResult
from moderation.metrics.bootstrap import Resampled, macro, percentiles
from moderation.metrics.scored import Scored
from moderation.metrics.significance import chances, pooled_freedom


def compare(
    candidate: SystemResult, other: SystemResult, resampled: tuple[Resampled, Resampled], flips: dict[str, float]
) -> Comparison:
    """Candidate minus the other system in average precision, on the other's labels.

    resampled: the figures of both in the same resamples; flips: see flip_shares.
    """
    own, others = resampled
    labels = others.labels
    pairs = [
        (candidate["labels"][label]["average_precision"], other["labels"][label]["average_precision"])
        for label in labels
    ]
    by_label = np.array([np.nan if one is None or another is None else one - another for one, another in pairs])
    by_resample = own.of(labels).figures["average_precision"] - others.figures["average_precision"]

    # in all arrays from here on, the mean over the labels stands before them
    measured = ~np.isnan(by_label)
    differences = np.append(by_label[measured].mean() if measured.any() else np.nan, by_label)
    by_resample = np.concatenate([macro(by_resample)[:, None], by_resample], axis=1)  # (resamples, 1 + labels)
    spread = np.array(
        [np.std(column[~np.isnan(column)]) if not np.isnan(column).all() else 0 for column in by_resample.T]
    )
    positives_less_one = np.array([candidate["labels"][label]["positives"] - 1.0 for label in labels])
    freedom = np.append(pooled_freedom(spread[1:], positives_less_one), positives_less_one)

    worse, better = chances(differences, spread, freedom), chances(-differences, spread, freedom)
    overall, *of_labels = [
        _difference(float(difference), by_resample[:, index], float(worse[index]), float(better[index]))
        for index, difference in enumerate(differences)
    ]
    return {
        "macro_average_precision": overall,
        "labels": dict(zip(labels, of_labels, strict=True)),
        "flips": flips,
    }


def flip_shares(candidate: Scored, other: Scored) -> dict[str, float]:
    """Share of all rows on which the two systems' flags differ, by label of the other."""
    shares = (candidate.flags[:, other.columns(candidate.labels)] != other.flags).mean(axis=0)
    return {label: float(shares[index]) for index, label in enumerate(other.labels)}


def _difference(difference: float, resampled: np.ndarray, worse: float, better: float) -> Difference:
    if np.isnan(difference):
        return {"difference": None, "low": None, "high": None, "p_worse": None, "p_better": None}
    low, high = percentiles(resampled)
    return {"difference": difference, "low": low, "high": high, "p_worse": worse, "p_better": better}
