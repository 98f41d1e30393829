"""Removes duplicates and splits rows so that every split holds its share of every label.

The order of the input does not matter: the same rows in another order give the same splits.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moderation.reading import Problem, Rejections, Row, normalised

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class UniqueRows:
    """Rows without duplicates."""

    rows: list[Row]
    conflicting_duplicates: int
    """Dropped rows whose labels differ from those of the row that stayed."""


def unique_rows(rows: Iterable[Row], rejections: Rejections) -> UniqueRows:
    """Drop or refuse duplicated ids and texts, as `rejections` was told. Of equal texts the smallest id stays."""
    by_id: dict[str, Row] = {}
    for row in rows:
        first = by_id.get(row.id)
        if first is None:
            by_id[row.id] = row
        elif row.has_own_id:
            rejections.add(_problem("duplicate_id", row, f"the id {row.id!r} of {first.place}", "an id of its own"))
        else:
            rejections.add(_problem("duplicate_text", row, f"the text of {first.place}", "each text once"))
    by_text: dict[bytes, Row] = {}
    conflicts = 0
    for row in sorted(by_id.values(), key=lambda row: row.id):
        first = by_text.setdefault(_digest(normalised(row.text)), row)
        if first is not row:
            rejections.add(_problem("duplicate_text", row, f"the text of {first.place}", "each text once"))
            conflicts += first.positive != row.positive
    return UniqueRows(list(by_text.values()), conflicts)


def stratified_split(rows: Sequence[Row], fractions: Sequence[float], seed: int) -> list[list[Row]]:
    """Split rows by iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label chooses first.

    `fractions` sum to 1, one a split. Returns one list of rows a split, each in an order that only ids and seed decide.
    """
    ordered = sorted(rows, key=lambda row: _digest(f"{seed}|{row.id}"))
    wanted_rows = [fraction * len(ordered) for fraction in fractions]
    waiting: dict[str, set[int]] = defaultdict(set)
    for index, row in enumerate(ordered):
        for label in row.positive:
            waiting[label].add(index)
    wanted = {label: [fraction * len(indexes) for fraction in fractions] for label, indexes in waiting.items()}
    chosen: dict[int, int] = {}

    def place(index: int, split: int) -> None:
        chosen[index] = split
        wanted_rows[split] -= 1
        for label in ordered[index].positive:
            wanted[label][split] -= 1
            waiting[label].discard(index)

    while any(waiting.values()):
        rarest = min((label for label in waiting if waiting[label]), key=lambda label: (len(waiting[label]), label))
        for index in sorted(waiting[rarest]):
            need = wanted[rarest]
            place(index, max(range(len(fractions)), key=lambda split: (need[split], wanted_rows[split], -split)))
    for index in range(len(ordered)):
        if index not in chosen:
            place(index, max(range(len(fractions)), key=lambda split: (wanted_rows[split], -split)))
    return [[ordered[index] for index in sorted(chosen) if chosen[index] == split] for split in range(len(fractions))]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def _problem(kind: str, row: Row, found: str, expected: str) -> Problem:
    file, _, number = row.place.rpartition(", row ")
    return Problem(kind, file, int(number), found, expected)
