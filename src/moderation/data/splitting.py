"""Splits rows so that every split holds its share of every label, similar rows stay together and old rows stay put.

The order of the input does not matter: the same rows in another order give the same splits.
"""

from collections.abc import Sequence

import numpy as np

FREE = -1  # in an array of splits: not decided


def stratified_split(
    positive: np.ndarray,
    combination: np.ndarray,
    keys: np.ndarray,
    clusters: np.ndarray,
    earlier: np.ndarray,
    fractions: Sequence[float],
) -> np.ndarray:
    """Split by iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label chooses first.

    positive (combinations, labels) bool: what each combination of labels stands for; combination (rows,) index into it;
    keys (rows, 2) uint64: the order in which rows choose; clusters (rows,): rows of one number share a split, large
    clusters choose first; earlier (rows,): the split that a row has already, the same within a cluster, or FREE.
    `fractions` sum to 1, one a split. Returns the split of each row, (rows,) int8.
    """
    unit, unit_rows = _units(keys, clusters)
    kind, table_rows, table_labels = _kinds(positive, combination, unit, unit_rows)
    split = np.full(len(unit_rows), FREE, np.int8)
    np.maximum.at(split, unit, earlier.astype(np.int8))
    labels = positive.shape[1]
    wanted_rows = [fraction * len(keys) for fraction in fractions]
    totals = np.bincount(combination, minlength=len(positive)) @ positive.astype(np.int64)
    wanted = [[fraction * total for fraction in fractions] for total in totals.tolist()]
    for number in range(len(fractions)):
        there = split == number
        wanted_rows[number] -= int(unit_rows[there].sum())
        for label in range(labels):
            wanted[label][number] -= int(table_labels[kind[there], label].sum())
    large_first = np.argsort(-unit_rows, kind="stable")
    held = [[(label, int(count)) for label, count in enumerate(row) if count] for row in table_labels]
    sizes = table_rows.tolist()
    waiting = [int(table_labels[kind[split == FREE], label].sum()) for label in range(labels)]
    splits = range(len(fractions))
    while any(waiting):
        rarest = min((label for label in range(labels) if waiting[label]), key=lambda label: (waiting[label], label))
        need = wanted[rarest]
        units = large_first[(split[large_first] == FREE) & (table_labels[kind[large_first], rarest] > 0)]
        chosen = []
        for number in kind[units].tolist():
            best = max(splits, key=lambda split: (need[split], wanted_rows[split], -split))
            chosen.append(best)
            wanted_rows[best] -= sizes[number]
            for label, count in held[number]:
                wanted[label][best] -= count
                waiting[label] -= count
        split[units] = chosen
    units = large_first[split[large_first] == FREE]
    chosen = []
    for size in unit_rows[units].tolist():
        best = max(splits, key=wanted_rows.__getitem__)
        chosen.append(best)
        wanted_rows[best] -= size
    split[units] = chosen
    return split[unit]


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


def _kinds(
    positive: np.ndarray, combination: np.ndarray, unit: np.ndarray, unit_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units told apart by what they hold only: the kind of each, and the rows and label counts of each kind.

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
    return kind, np.concatenate([np.ones(len(positive), np.int64), unit_rows[several]]), table_labels
