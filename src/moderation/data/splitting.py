"""Splits rows so that every split holds its share of every label, similar rows stay together and old rows stay put.

The order of the input does not matter: the same rows in another order give the same splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FREE = -1  # in an array of splits: not decided


@dataclass(frozen=True, eq=False)
class RowsToSplit:
    """What a split is decided by."""

    positive: np.ndarray
    """(combinations, labels) bool: what each combination of labels stands for."""
    combination: np.ndarray
    """(rows,) index into `positive`."""
    keys: np.ndarray
    """(rows, 2) uint64: the order in which rows choose."""
    clusters: np.ndarray
    """(rows,): rows of one number share a split; large clusters choose first."""
    earlier: np.ndarray
    """(rows,): the split that a row has already, the same within a cluster, or FREE."""


def stratified_split(rows: RowsToSplit, fractions: Sequence[float]) -> np.ndarray:
    """Split by iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label chooses first.

    `fractions` sum to 1, one a split. Returns the split of each row, (rows,) int8.
    """
    # what is placed is a unit: a cluster, or a row that is alone
    unit, unit_rows = _units(rows.keys, rows.clusters)
    kinds = _kinds(rows.positive, rows.combination, unit, unit_rows)
    split = np.full(len(unit_rows), FREE, np.int8)
    np.maximum.at(split, unit, rows.earlier.astype(np.int8))

    lacking = _Lacking(rows, fractions)
    for number in range(len(fractions)):
        placed = split == number
        lacking.take(number, int(unit_rows[placed].sum()), kinds.labels[kinds.of[placed]].sum(axis=0).tolist())

    large_first = np.argsort(-unit_rows, kind="stable")
    _place_by_label(split, kinds, large_first, lacking)
    _place_the_rest(split, unit_rows, large_first, lacking)
    return split[unit]


class _Lacking:
    """How many rows, and how many positives of each label, every split still lacks; below 0 where it has too many."""

    def __init__(self, rows: RowsToSplit, fractions: Sequence[float]) -> None:
        totals = np.bincount(rows.combination, minlength=len(rows.positive)) @ rows.positive.astype(np.int64)
        self.rows = [fraction * len(rows.keys) for fraction in fractions]
        self.positives = [[fraction * total for fraction in fractions] for total in totals.tolist()]

    def take(self, split: int, rows: int, positives: Sequence[int]) -> None:
        """Put some rows with their positives, one number a label, into a split."""
        self.rows[split] -= rows
        for label, count in enumerate(positives):
            if count:
                self.positives[label][split] -= count


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Units told apart by what they hold only."""

    of: np.ndarray
    """(units,): the kind of each."""
    rows: np.ndarray
    """(kinds,)"""
    labels: np.ndarray
    """(kinds, labels): positives of each."""


def _place_by_label(split: np.ndarray, kinds: _Kinds, large_first: np.ndarray, lacking: _Lacking) -> None:
    """Place every free unit with a positive, label by label from the one with the fewest free positives."""
    labels, splits = range(kinds.labels.shape[1]), range(len(lacking.rows))
    positives, sizes = kinds.labels.tolist(), kinds.rows.tolist()
    waiting = [int(kinds.labels[kinds.of[split == FREE], label].sum()) for label in labels]

    while any(waiting):
        rarest = min((label for label in labels if waiting[label]), key=lambda label: (waiting[label], label))
        need, rows = lacking.positives[rarest], lacking.rows
        units = large_first[(split[large_first] == FREE) & (kinds.labels[kinds.of[large_first], rarest] > 0)]
        chosen = []
        for kind in kinds.of[units].tolist():
            # where the label is lacking most; of equal ones, where rows are, then the first
            best = max(splits, key=lambda number: (need[number], rows[number], -number))
            chosen.append(best)
            lacking.take(best, sizes[kind], positives[kind])
            for label, count in enumerate(positives[kind]):
                waiting[label] -= count
        split[units] = chosen


def _place_the_rest(split: np.ndarray, unit_rows: np.ndarray, large_first: np.ndarray, lacking: _Lacking) -> None:
    """Place the units without a positive where rows are lacking most."""
    units = large_first[split[large_first] == FREE]
    chosen = []
    for rows in unit_rows[units].tolist():
        best = max(range(len(lacking.rows)), key=lacking.rows.__getitem__)
        chosen.append(best)
        lacking.rows[best] -= rows
    split[units] = chosen


def _units(keys: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters renumbered in the order of their first row's key, and the rows that each has."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    numbers, first, inverse, rows = np.unique(
        clusters[order], return_index=True, return_inverse=True, return_counts=True
    )
    by_first = np.argsort(first, kind="stable")
    place = np.empty(len(numbers), np.int64)
    place[by_first] = np.arange(len(numbers))
    unit = np.empty(len(keys), np.int64)
    unit[order] = place[inverse]
    return unit, rows[by_first]


def _kinds(positive: np.ndarray, combination: np.ndarray, unit: np.ndarray, unit_rows: np.ndarray) -> _Kinds:
    """The kinds of units.

    A unit of one row is of the kind of its combination; a unit of several is a kind of its own.
    """
    several = unit_rows > 1
    kind = np.empty(len(unit_rows), np.int64)
    kind[several] = len(positive) + np.arange(np.count_nonzero(several))
    alone = ~several[unit]
    kind[unit[alone]] = combination[alone]

    together = kind[unit[~alone]] - len(positive)
    count = np.count_nonzero(several)
    table_labels = np.zeros((len(positive) + count, positive.shape[1]), np.int64)
    table_labels[: len(positive)] = positive
    for label in range(positive.shape[1]):
        has = positive[combination[~alone], label]
        table_labels[len(positive) :, label] = np.bincount(together[has], minlength=count)
    return _Kinds(kind, np.concatenate([np.ones(len(positive), np.int64), unit_rows[several]]), table_labels)
