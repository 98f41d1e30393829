"""The rows on which a model was most wrong, as ids: where somebody should look first."""

from collections.abc import Sequence
from typing import Any

import numpy as np

PER_KIND = 3  # false positives, and as many false negatives, of each label


def worst_mistakes(
    labels: Sequence[str], ids: Sequence[str], truth: np.ndarray, probs: np.ndarray, thresholds: np.ndarray
) -> list[dict[str, Any]]:
    """Each label's surest false positives and false negatives: id, label, truth and score, the furthest off first.

    truth (rows, labels) of 1, 0 and NaN where not annotated, probs (rows, labels), thresholds (labels).
    """
    found = []
    flags = probs >= thresholds
    for index, label in enumerate(labels):
        scores = probs[:, index]
        for answer in (0, 1):
            wrong = np.flatnonzero((truth[:, index] == answer) & (flags[:, index] != answer))
            order = np.argsort(-np.abs(answer - scores[wrong]), kind="stable")[:PER_KIND]
            found += [
                {"id": ids[row], "label": label, "truth": answer, "score": float(scores[row])} for row in wrong[order]
            ]
    return sorted(found, key=lambda item: (-abs(item["truth"] - item["score"]), item["label"], item["id"]))
