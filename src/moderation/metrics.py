"""Scores of a multilabel classifier. What can't be computed is None: a mean leaves it out, nothing turns it into 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np

BOOTSTRAP_CHUNK = 50  # resamples held in memory at once


def scores(labels: Sequence[str], truth: np.ndarray, probs: np.ndarray, thresholds: np.ndarray) -> dict[str, Any]:
    """Metrics by label and over all labels, in the form of evaluation.json.

    truth (rows, labels): 1, 0 or NaN where not annotated, which counts for nothing; probs (rows, labels) in [0, 1];
    thresholds (labels): a score at or above its threshold is a decision.
    """
    flags = (probs >= thresholds).astype(np.float32)
    by_label = {
        label: _label_scores(truth[:, index], probs[:, index], flags[:, index], float(thresholds[index]))
        for index, label in enumerate(labels)
    }
    known = ~np.isnan(truth)
    micro_truth, micro_flags = truth[known], flags[known]
    metrics = {
        f"macro_{name}": _mean(item[name] for item in by_label.values())
        for name in ("average_precision", "auroc", "f1", "precision", "recall")
    }
    metrics["micro_average_precision"] = average_precision(micro_truth, probs[known])
    metrics["micro_f1"] = _decisions(micro_truth, micro_flags)["f1"]
    return {"metrics": metrics, "labels": by_label}


def _label_scores(truth: np.ndarray, probs: np.ndarray, flags: np.ndarray, threshold: float) -> dict[str, Any]:
    known = ~np.isnan(truth)
    truth, probs, flags = truth[known], probs[known], flags[known]
    return {
        "positives": int(truth.sum()),
        "average_precision": average_precision(truth, probs),
        "auroc": auroc(truth, probs),
        **_decisions(truth, flags),
        "threshold": threshold,
    }


def average_precision(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Average precision of scores (rows) for truth (rows) of 0 and 1; None without a positive."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, probs)) if truth.sum() else None


def auroc(truth: np.ndarray, probs: np.ndarray) -> float | None:
    """Area under the ROC curve; None without a positive or without a negative."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, probs)) if 0 < truth.sum() < len(truth) else None


def _decisions(truth: np.ndarray, flags: np.ndarray) -> dict[str, float | None]:
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


def _mean(values: Any) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def compare(
    labels: Sequence[str],
    truth: np.ndarray,
    candidate: np.ndarray,
    champion: np.ndarray,
    samples: int = 1000,
    seed: int = 13,
) -> dict[str, Any]:
    """Candidate minus champion in average precision, with 95 % intervals of a paired bootstrap over the rows.

    truth, candidate, champion: (rows, labels). A resample in which a label has no positive says nothing about it.
    """
    chance = np.random.default_rng(seed)
    rows = len(truth)
    differences = []
    for start in range(0, samples, BOOTSTRAP_CHUNK):
        count = min(BOOTSTRAP_CHUNK, samples - start)
        weights = chance.multinomial(rows, np.full(rows, 1 / rows), size=count).astype(np.float32)  # (resamples, rows)
        differences.append(_weighted_differences(truth, candidate, champion, weights))
    resampled = np.concatenate(differences)  # (samples, labels)
    whole = _weighted_differences(truth, candidate, champion, np.ones((1, rows), dtype=np.float32))
    return {
        "macro_average_precision": _interval(_row_means(whole)[0], _row_means(resampled)),
        "labels": {label: _interval(whole[0, index], resampled[:, index]) for index, label in enumerate(labels)},
    }


def _weighted_differences(
    truth: np.ndarray, candidate: np.ndarray, champion: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    columns = []
    for index in range(truth.shape[1]):
        known = ~np.isnan(truth[:, index])
        label_truth, label_weights = truth[known, index], weights[:, known]
        columns.append(
            weighted_average_precision(label_truth, candidate[known, index], label_weights)
            - weighted_average_precision(label_truth, champion[known, index], label_weights)
        )
    return np.stack(columns, axis=1)


def weighted_average_precision(truth: np.ndarray, probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision (resamples) of truth (rows) and scores (rows) under row weights (resamples, rows).

    NaN where no positive has weight. Equal scores form one step of the curve, as in scikit-learn.
    """
    if not len(truth):
        return np.full(len(weights), np.nan)
    order = np.argsort(-probs, kind="stable")
    ranked = probs[order]
    steps = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # last row of each distinct score
    ranked_weights = weights[:, order].astype(np.float64)
    seen = np.cumsum(ranked_weights, axis=1)[:, steps]
    hits = np.cumsum(ranked_weights * truth[order], axis=1)[:, steps]
    gained = np.diff(hits, axis=1, prepend=0.0)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    total = hits[:, -1]
    return np.divide((precision * gained).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0)


def _row_means(values: np.ndarray) -> np.ndarray:
    counts = (~np.isnan(values)).sum(axis=1)
    sums = np.nansum(values, axis=1)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)


def _interval(difference: float, resampled: np.ndarray) -> dict[str, float | None]:
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(difference) or not len(resampled):
        return {"difference": None, "low": None, "high": None}
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"difference": float(difference), "low": float(low), "high": float(high)}
