"""Counts about a dataset, without any text: what was read, left out, labelled, and how it was split."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from contract.data.section import DataConfig
from contract.dataset.manifest import SPLITS
from moderation.data.placement import Placed
from moderation.data.previous import Previous
from moderation.data.splitting import FREE
from moderation.rows.row import Rejections
from moderation.rows.spool import Spool

LANGUAGE_SAMPLE = 2000  # rows
LANGUAGE_CHARACTERS = 500  # of a text that its language is guessed from
LEAST_LETTERS = 20  # a shorter text says too little about its language
SHOWN_LANGUAGES = 12
LENGTH_BOUNDS = (25, 50, 100, 200, 400, 800, 1600)  # characters
SHOWN_PAIRS = 200


@dataclass(frozen=True, eq=False)
class Preparation:
    """What has been read and decided, for the report and for the files."""

    config: DataConfig
    """That the rows were read with."""
    spool: Spool
    rejections: Rejections
    placed: Placed
    previous: Previous | None
    """The dataset whose splits it goes on with."""
    split_anew_because: str | None
    """Why there is no such dataset."""


def data_report(preparation: Preparation) -> dict[str, Any]:
    """The content of data_report.json, but for the languages."""
    spool, placed, rejections = preparation.spool, preparation.placed, preparation.rejections
    rows = np.flatnonzero(placed.split != FREE)
    split, combination = placed.split[rows], spool.combination[rows]
    # (splits, combinations): rows of each
    count = np.array([np.bincount(combination[split == part], minlength=len(placed.positive)) for part in range(3)])
    total = count.sum(axis=0)

    return {
        "source": preparation.config.source,
        "rows_read": rejections.rows_read,
        "rows": _by_split(split),
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
        "previous": _previous(preparation, rows),
        "labels": _labels(placed, count),
        "clean_rows": int(total[~placed.positive.any(axis=1)].sum()),
        "together": _together(placed, total),
        "characters": _characters(spool.characters[rows]),
    }


def _by_split(split: np.ndarray) -> dict[str, int]:
    """Rows of each split, for the split of some rows (rows,)."""
    return {name: int(np.count_nonzero(split == part)) for part, name in enumerate(SPLITS)}


def _previous(preparation: Preparation, rows: np.ndarray) -> dict[str, Any]:
    split, earlier = preparation.placed.split[rows], preparation.placed.earlier[rows]
    return {
        "dataset_version": preparation.previous.version if preparation.previous else None,
        "ignored": preparation.split_anew_because,
        "kept_rows": _by_split(earlier),
        "new_rows": _by_split(split[earlier == FREE]),
    }


def _labels(placed: Placed, count: np.ndarray) -> dict[str, Any]:
    """Label to its counts; count (splits, combinations): rows of each."""
    positives = count @ placed.positive.astype(np.int64)  # (splits, labels)
    total = count.sum(axis=0)
    return {
        label: {
            "positives": {name: int(positives[part, index]) for part, name in enumerate(SPLITS)},
            "not_annotated": int(total @ placed.unannotated[:, index]),
            "prevalence": round(float(positives[:, index].sum() / total.sum()), 4),
        }
        for index, label in enumerate(placed.labels)
    }


def _together(placed: Placed, total: np.ndarray) -> list[dict[str, Any]]:
    """The most frequent pairs of labels; total (combinations): rows of each."""
    together = placed.positive.T.astype(np.int64) @ (total[:, None] * placed.positive)  # (labels, labels)
    pairs = Counter(
        {
            (one, other): int(together[first, second])
            for first, one in enumerate(placed.labels)
            for second, other in enumerate(placed.labels[first + 1 :], start=first + 1)
            if together[first, second]
        }
    )
    return [{"labels": list(pair), "rows": number} for pair, number in pairs.most_common(SHOWN_PAIRS)]


def _characters(lengths: np.ndarray) -> dict[str, Any]:
    """Length of the texts, for those of all rows (rows,)."""
    characters = np.sort(lengths)
    bounds = np.searchsorted(characters, [0, *LENGTH_BOUNDS, np.iinfo(np.int64).max])
    return {
        "median": float(np.median(characters)),
        "percentile_95": int(characters[int(0.95 * (len(characters) - 1))]),
        "maximum": int(characters[-1]),
        "histogram": [
            {"from": low, "below": below, "rows": int(number)}
            for low, below, number in zip((0, *LENGTH_BOUNDS), (*LENGTH_BOUNDS, None), np.diff(bounds), strict=True)
        ],
    }


class LanguageSample:
    """Guesses the languages of a sample of the rows: the first of every bucket in the order of their keys."""

    def __init__(self, rows: int) -> None:
        self._share = min(1.0, LANGUAGE_SAMPLE / max(rows, 1))
        self._owed = 0.0
        self._languages: Counter[str] = Counter()
        self._rows = 0

    def add(self, texts: Any, order: np.ndarray) -> None:
        """Look at some of the texts of a bucket (an Arrow column), in the given order of its rows."""
        from py3langid.langid import classify

        self._owed += self._share * len(order)
        count = min(round(self._owed), len(order))
        self._owed -= count
        for text in texts.take(order[:count]).to_pylist():
            text = text[:LANGUAGE_CHARACTERS]
            long_enough = sum(character.isalpha() for character in text) >= LEAST_LETTERS
            self._languages[classify(text)[0] if long_enough else "too short to tell"] += 1
            self._rows += 1

    def shares(self) -> dict[str, Any]:
        """Languages by their ISO 639-1 code, the most frequent first, as shares of the sample."""
        shown = self._languages.most_common(SHOWN_LANGUAGES)
        return {
            "sampled_rows": self._rows,
            "guessed": {name: round(count / self._rows, 4) for name, count in shown},
            "others": round(1 - sum(count for _, count in shown) / self._rows, 4),
        }
