"""Counts about a dataset, without any text: what was read, left out, labelled, and how it was split."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from contract.data.manifest import SPLITS
from moderation.data.splitting import FREE
from moderation.rows.row import Rejections
from moderation.rows.spool import Spool

if TYPE_CHECKING:
    from moderation.data.placement import Placed

LANGUAGE_SAMPLE = 2000  # rows
LANGUAGE_CHARACTERS = 500  # of a text that its language is guessed from
LEAST_LETTERS = 20  # a shorter text says too little about its language
SHOWN_LANGUAGES = 12
LENGTH_BOUNDS = (25, 50, 100, 200, 400, 800, 1600)  # characters
SHOWN_PAIRS = 200


def data_report(
    source: str, spool: Spool, placed: "Placed", rejections: Rejections, previous: str | None, reason: str | None
) -> dict[str, Any]:
    """The counts, all but the languages. `previous` is the dataset before, or `reason` says why there is none."""
    rows = np.flatnonzero(placed.split != FREE)
    split, combination = placed.split[rows], spool.combination[rows]
    count = np.array([np.bincount(combination[split == part], minlength=len(placed.positive)) for part in range(3)])
    total = count.sum(axis=0)
    positives = count @ placed.positive.astype(np.int64)
    characters = np.sort(spool.characters[rows])
    together = placed.positive.T.astype(np.int64) @ (total[:, None] * placed.positive)
    pairs = Counter(
        {
            (one, other): int(together[first, second])
            for first, one in enumerate(placed.labels)
            for second, other in enumerate(placed.labels[first + 1 :], start=first + 1)
            if together[first, second]
        }
    )
    bounds = np.searchsorted(characters, [0, *LENGTH_BOUNDS, np.iinfo(np.int64).max])
    earlier = placed.earlier[rows]
    return {
        "source": source,
        "rows_read": rejections.rows_read,
        "rows": {name: int(np.count_nonzero(split == part)) for part, name in enumerate(SPLITS)},
        "dropped": {
            kind: {"count": number, "examples": rejections.examples[kind]}
            for kind, number in sorted(rejections.counts.items())
        },
        "duplicates_with_other_labels": placed.conflicting,
        "near_duplicates": {
            "similarity": placed.similarity,
            "clusters": len(placed.cluster_sizes),
            "rows": int(placed.cluster_sizes.sum()),
            "largest_cluster": int(placed.cluster_sizes.max(initial=0)),
            "loosened_rows": placed.loosened,
        },
        "previous": {
            "dataset_version": previous,
            "ignored": reason,
            "kept_rows": {name: int(np.count_nonzero(earlier == part)) for part, name in enumerate(SPLITS)},
            "new_rows": {
                name: int(np.count_nonzero((earlier == FREE) & (split == part))) for part, name in enumerate(SPLITS)
            },
        },
        "labels": {
            label: {
                "positives": {name: int(positives[part, index]) for part, name in enumerate(SPLITS)},
                "not_annotated": int(total @ placed.unannotated[:, index]),
                "prevalence": round(float(positives[:, index].sum() / len(rows)), 4),
            }
            for index, label in enumerate(placed.labels)
        },
        "clean_rows": int(total[~placed.positive.any(axis=1)].sum()),
        "together": [{"labels": list(pair), "rows": number} for pair, number in pairs.most_common(SHOWN_PAIRS)],
        "characters": {
            "median": float(np.median(characters)),
            "percentile_95": int(characters[int(0.95 * (len(characters) - 1))]),
            "maximum": int(characters[-1]),
            "histogram": [
                {"from": low, "below": below, "rows": int(number)}
                for low, below, number in zip((0, *LENGTH_BOUNDS), (*LENGTH_BOUNDS, None), np.diff(bounds), strict=True)
            ],
        },
    }


class LanguageSample:
    """Guesses the languages of a sample of the rows: the first of every bucket in the order of their keys."""

    def __init__(self, rows: int) -> None:
        self._share = min(1.0, LANGUAGE_SAMPLE / max(rows, 1))
        self._owed = 0.0
        self._found: Counter[str] = Counter()
        self._rows = 0

    def add(self, texts: Any, order: np.ndarray) -> None:
        """Look at some of the texts of a bucket (an Arrow column), in the given order of its rows."""
        from py3langid.langid import classify

        self._owed += self._share * len(order)
        count = min(round(self._owed), len(order))
        self._owed -= count
        for text in texts.take(order[:count]).to_pylist():
            text = text[:LANGUAGE_CHARACTERS]
            known = sum(character.isalpha() for character in text) >= LEAST_LETTERS
            self._found[classify(text)[0] if known else "too short to tell"] += 1
            self._rows += 1

    def shares(self) -> dict[str, Any]:
        """Languages by their ISO 639-1 code, the most frequent first, as shares of the sample."""
        shown = self._found.most_common(SHOWN_LANGUAGES)
        return {
            "sampled_rows": self._rows,
            "guessed": {name: round(count / self._rows, 4) for name, count in shown},
            "others": round(1 - sum(count for _, count in shown) / self._rows, 4),
        }
