"""The baseline that a model must justify itself against: the n-gram part of the model alone, on the same rows."""

from collections.abc import Sequence

import numpy as np

from moderation import ngrams


def baseline_probabilities(
    texts: Sequence[str], truth: np.ndarray, others: Sequence[Sequence[str]]
) -> list[np.ndarray]:
    """Fit on texts and truth (rows, labels); returns probabilities (rows, labels) for each of `others`.

    TF-IDF of words, pairs of words and three to five characters, and a balanced logistic regression a label. A label
    without both a positive and a negative row is scored with its smoothed prevalence.
    """
    fitted = ngrams.fit(texts, truth)
    return [1 / (1 + np.exp(-fitted.logits(part))) for part in others]
