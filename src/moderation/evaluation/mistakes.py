"""The rows on which a model was most wrong, as ids: where somebody should look first."""

from collections.abc import Sequence

import numpy as np

from contract.evaluation.document import Mistake
from moderation.metrics.scored import Scored

PER_KIND = 3  # false positives, and as many false negatives, of each label


def worst_mistakes(scored: Scored, ids: Sequence[str], truth: np.ndarray) -> list[Mistake]:
    """Each label's surest false positives and false negatives: id, label, truth and score, the furthest off first.

    truth (rows, labels) of 1, 0 and NaN where not annotated.
    """
    mistakes: list[Mistake] = []
    flags = scored.flags
    for index, label in enumerate(scored.labels):
        probs = scored.probs[:, index]
        for answer in (0, 1):
            wrong = np.flatnonzero((truth[:, index] == answer) & (flags[:, index] != answer))
            order = np.argsort(-np.abs(answer - probs[wrong]), kind="stable")[:PER_KIND]
            mistakes += [
                {"id": ids[row], "label": label, "truth": answer, "score": float(probs[row])} for row in wrong[order]
            ]
    return sorted(mistakes, key=lambda item: (-abs(item["truth"] - item["score"]), item["label"], item["id"]))
