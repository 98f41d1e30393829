"""Scores of a multilabel classifier. What can't be computed is None: a mean leaves it out, nothing turns it into 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from moderation.metrics.bootstrap import FIGURES, Resampled, interval, macro, rank, ranked_figures
from moderation.metrics.calibration import calibration_error


def system(
    labels: Sequence[str], truth: np.ndarray, probs: np.ndarray, thresholds: np.ndarray, resampled: Resampled
) -> dict[str, Any]:
    """Metrics over all labels and by label with 95 % intervals, in the form of evaluation.json.

    truth (rows, labels): 1, 0 or NaN where not annotated, which counts for nothing; probs (rows, labels) in [0, 1];
    thresholds (labels): a score at or above its threshold is a decision; resampled: the same system's figures in
    resamples of the same rows.
    """
    found = scores(labels, truth, probs, thresholds)
    for index, label in enumerate(labels):
        found["labels"][label]["intervals"] = {name: interval(resampled.figures[name][:, index]) for name in FIGURES}
    intervals = {f"macro_{name}": interval(macro(resampled.figures[name])) for name in FIGURES}
    return {"metrics": found["metrics"], "intervals": intervals, "labels": found["labels"]}


def scores(labels: Sequence[str], truth: np.ndarray, probs: np.ndarray, thresholds: np.ndarray) -> dict[str, Any]:
    """The same without intervals."""
    flags = probs >= thresholds
    by_label = {
        label: _label_scores(truth[:, index], probs[:, index], flags[:, index], float(thresholds[index]))
        for index, label in enumerate(labels)
    }
    known = ~np.isnan(truth)
    metrics = {
        f"macro_{name}": _mean(item[name] for item in by_label.values())
        for name in ("average_precision", "auroc", "f1", "precision", "recall")
    }
    metrics["micro_average_precision"] = average_precision(truth[known], probs[known])
    metrics["micro_f1"] = decisions(truth[known], flags[known])["f1"]
    share = false_positive_share(truth, flags)
    metrics["false_positives_per_1000_clean"] = None if share is None else 1000 * share
    metrics["expected_calibration_error"] = _mean(item["expected_calibration_error"] for item in by_label.values())
    return {"metrics": metrics, "labels": by_label}


def _label_scores(truth: np.ndarray, probs: np.ndarray, flags: np.ndarray, threshold: float) -> dict[str, Any]:
    known = ~np.isnan(truth)
    truth, probs, flags = truth[known], probs[known], flags[known]
    return {
        "positives": int(truth.sum()),
        "average_precision": average_precision(truth, probs),
        "auroc": auroc(truth, probs),
        **decisions(truth, flags),
        "threshold": threshold,
        "expected_calibration_error": calibration_error(truth, probs),
    }


def average_precision(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Average precision of scores (rows) for truth (rows) of 0 and 1; None without a positive."""
    return _ranked(truth, probs)[0]


def auroc(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Area under the ROC curve; None without a positive or without a negative."""
    return _ranked(truth, probs)[1]


def _ranked(truth: np.ndarray, probs: np.ndarray) -> tuple[float | None, float | None]:
    ranking = rank(truth, probs)
    if ranking is None:
        return None, None
    (precision,), (area,) = ranked_figures(ranking, np.ones((len(truth), 1), dtype=np.float64))
    return float(precision), None if np.isnan(area) else float(area)


def decisions(truth: np.ndarray, flags: np.ndarray) -> dict[str, float | None]:
    """Precision, recall and F1 of decisions; None without a positive, precision 0 where nothing was flagged."""
    positives = float(truth.sum())
    if not positives:
        return {"precision": None, "recall": None, "f1": None}
    hits, flagged = float((truth * flags).sum()), float(flags.sum())
    return {
        "precision": hits / flagged if flagged else 0.0,
        "recall": hits / positives,
        "f1": 2 * hits / (positives + flagged),
    }


def any_label(truth: np.ndarray) -> np.ndarray:
    """Whether any label of a row is positive (rows) in truth (rows, labels): 1, 0, or NaN where nothing is annotated.

    A row without a positive among its annotated labels counts as clean.
    """
    known = ~np.isnan(truth)
    return np.where(known.any(axis=1), (truth == 1).any(axis=1).astype(np.float64), np.nan)


def false_positive_share(truth: np.ndarray, flags: np.ndarray, least_rows: int = 1) -> float | None:
    """Share of the clean rows on which any annotated label is flagged; None with fewer than `least_rows` of them."""
    clean = any_label(truth) == 0
    if clean.sum() < least_rows:
        return None
    wrong = (flags & ~np.isnan(truth)).any(axis=1)
    return float(wrong[clean].mean())


def confusion(truth: np.ndarray, flags: np.ndarray) -> dict[str, int]:
    """How many annotated rows of one label fall to each side: truth (rows) of 1, 0 and NaN, flags (rows)."""
    return {
        "true_positives": int((flags & (truth == 1)).sum()),
        "false_positives": int((flags & (truth == 0)).sum()),
        "false_negatives": int((~flags & (truth == 1)).sum()),
        "true_negatives": int((~flags & (truth == 0)).sum()),
    }


def flips(labels: Sequence[str], ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Share of all rows on which two systems' flags (rows, labels) differ, by label."""
    shares = (ours != theirs).mean(axis=0)
    return {label: float(shares[index]) for index, label in enumerate(labels)}


def _mean(values: Any) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None
