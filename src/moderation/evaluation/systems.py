"""Each system in the form of evaluation.json: its metrics on the test rows, with intervals."""

import numpy as np

from contract.evaluation.document import Confusion, Interval, LabelMetrics, Metrics, SystemResult
from moderation.metrics.bootstrap import FIGURES, Resampled, macro, percentiles
from moderation.metrics.calibration import calibration_error
from moderation.metrics.scored import Scored
from moderation.metrics.scores import auroc, average_precision, decisions, false_positive_share, mean


def system_result(scored: Scored, truth: np.ndarray, resampled: Resampled) -> SystemResult:
    """Metrics over all labels and by label with 95 % intervals.

    truth (rows, the system's labels): 1, 0 or NaN where not annotated, which counts for nothing; resampled: the
    system's figures in resamples of the same rows.
    """
    labels = {
        label: _label_metrics(scored, index, truth[:, index], resampled) for index, label in enumerate(scored.labels)
    }
    return {
        "metrics": _metrics(scored, truth, labels),
        "intervals": {f"macro_{name}": interval(macro(resampled.figures[name])) for name in FIGURES},
        "labels": labels,
    }


def interval(resampled: np.ndarray) -> Interval:
    """The middle 95 % of a figure's resamples (resamples), NaN left out."""
    low, high = percentiles(resampled)
    return {"low": low, "high": high}


def confusion(truth: np.ndarray, flags: np.ndarray) -> Confusion:
    """How many annotated rows of one label fall to each side: truth (rows) of 1, 0 and NaN, flags (rows)."""
    return {
        "true_positives": int((flags & (truth == 1)).sum()),
        "false_positives": int((flags & (truth == 0)).sum()),
        "false_negatives": int((~flags & (truth == 1)).sum()),
        "true_negatives": int((~flags & (truth == 0)).sum()),
    }


def _label_metrics(scored: Scored, column: int, truth: np.ndarray, resampled: Resampled) -> LabelMetrics:
    annotated = ~np.isnan(truth)
    answers, probs = truth[annotated], scored.probs[annotated, column]
    decided = decisions(answers, scored.flags[annotated, column])
    return {
        "positives": int(answers.sum()),
        "average_precision": average_precision(answers, probs),
        "auroc": auroc(answers, probs),
        "precision": decided.precision,
        "recall": decided.recall,
        "f1": decided.f1,
        "threshold": float(scored.thresholds[column]),
        "expected_calibration_error": calibration_error(answers, probs),
        "intervals": {name: interval(resampled.figures[name][:, column]) for name in FIGURES},
    }


def _metrics(scored: Scored, truth: np.ndarray, labels: dict[str, LabelMetrics]) -> Metrics:
    """macro: the mean over the labels; micro: over all annotated (row, label) pairs as if they were one label's."""
    annotated = ~np.isnan(truth)
    metrics = labels.values()
    share = false_positive_share(truth, scored.flags)
    return {
        "macro_average_precision": mean(item["average_precision"] for item in metrics),
        "macro_auroc": mean(item["auroc"] for item in metrics),
        "macro_f1": mean(item["f1"] for item in metrics),
        "macro_precision": mean(item["precision"] for item in metrics),
        "macro_recall": mean(item["recall"] for item in metrics),
        "micro_average_precision": average_precision(truth[annotated], scored.probs[annotated]),
        "micro_f1": decisions(truth[annotated], scored.flags[annotated]).f1,
        "false_positives_per_1000_clean": None if share is None else 1000 * share,
        "expected_calibration_error": mean(item["expected_calibration_error"] for item in metrics),
    }
