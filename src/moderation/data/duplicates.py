"""Decides which of several rows with the same id or the same text stays, whatever order they were read in."""

from dataclasses import dataclass

import numpy as np

from moderation.rows.row import EXAMPLES_PER_KIND, Rejections
from moderation.rows.spool import Spool


@dataclass(frozen=True)
class Unique:
    """What is left of a spool."""

    kept: np.ndarray
    """(rows,) True for the rows that stay."""
    conflicting: int
    """Dropped rows whose labels differ from those of the row with the same text that stayed."""


def drop_duplicates(spool: Spool, rejections: Rejections) -> Unique:
    """Drop or refuse duplicated ids and texts, as `rejections` was told. Of equal texts the smallest id stays."""
    kept = np.ones(spool.rows, bool)
    kept[_duplicated_ids(spool, rejections)] = False
    lost, stays = _duplicated_texts(spool, np.flatnonzero(kept), rejections)
    kept[lost] = False
    positive = _numbered([positive for positive, _ in spool.combinations])
    conflicts = positive[spool.combination[lost]] != positive[spool.combination[stays]]
    return Unique(kept, int(np.count_nonzero(conflicts)))


def _duplicated_ids(spool: Spool, rejections: Rejections) -> np.ndarray:
    """Rows that lose against another row of the same id; where the id is the text's hash, it is the text that is the
    same."""
    # of one id, the row with the smallest digest stays: any rule will do that does not look at the order of reading
    winner = _winners(spool.keys, np.arange(spool.rows), spool.digests)
    lost = np.flatnonzero(winner != np.arange(spool.rows))
    own = spool.own_id[lost]
    names = _ids(spool, lost[own][:EXAMPLES_PER_KIND])

    for kind, rows in (("duplicate_id", lost[own]), ("duplicate_text", lost[~own])):
        for row in rows[:EXAMPLES_PER_KIND]:
            first, second = sorted((int(row), int(winner[row])))
            if kind == "duplicate_id":
                found, expected = f"the id {names[int(row)]!r} of {spool.place(first)}", "an id of its own"
            else:
                found, expected = f"the text of {spool.place(first)}", "each text once"
            rejections.add(spool.problem(kind, second, found, expected))
        rejections.add_more(kind, len(rows) - EXAMPLES_PER_KIND)
    return lost


def _duplicated_texts(spool: Spool, rows: np.ndarray, rejections: Rejections) -> tuple[np.ndarray, np.ndarray]:
    """Of the given rows those whose text another one has, and beside each the row that stays instead."""
    group, several = _groups(spool.digests[rows])
    smallest = _smallest_ids(spool, rows[several], group[several])
    lost = np.array([row for row in rows[several] if row not in smallest], np.int64)
    winners = dict(zip(group[np.searchsorted(rows, sorted(smallest))].tolist(), sorted(smallest), strict=True))
    stays = np.array([winners[number] for number in group[np.searchsorted(rows, lost)].tolist()], np.int64)

    for row, winner_row in zip(lost[:EXAMPLES_PER_KIND].tolist(), stays.tolist(), strict=False):
        found = f"the text of {spool.place(winner_row)}"
        rejections.add(spool.problem("duplicate_text", row, found, "each text once"))
    rejections.add_more("duplicate_text", len(lost) - EXAMPLES_PER_KIND)
    return lost, stays


def _numbered(values: list[frozenset[str]]) -> np.ndarray:
    numbers: dict[frozenset[str], int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def _winners(keys: np.ndarray, rows: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """For each row the row of the same key whose digest is the smallest."""
    order = np.lexsort((rows, digests[:, 1], digests[:, 0], keys[:, 1], keys[:, 0]))
    starts = _is_start(keys[order])
    winner = np.empty_like(rows)
    winner[order] = order[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    return winner


def _groups(digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's group of equal digests, and whether the group has more than one row."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    number = np.empty(len(digests), np.int64)
    number[order] = np.cumsum(_is_start(digests[order])) - 1
    return number, np.bincount(number, minlength=1)[number] > 1


def _is_start(ordered: np.ndarray) -> np.ndarray:
    starts = np.ones(len(ordered), bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return starts


def _smallest_ids(spool: Spool, rows: np.ndarray, groups: np.ndarray) -> set[int]:
    """Of each group the row with the smallest id."""
    if not len(rows):
        return set()
    best: dict[int, tuple[str, int]] = {}
    for table in spool.buckets():
        numbers = table["number"].to_numpy()
        place = np.minimum(np.searchsorted(rows, numbers), len(rows) - 1)
        asked = np.flatnonzero(rows[place] == numbers)
        for row, group, name in zip(
            numbers[asked].tolist(), groups[place[asked]].tolist(), table["id"].take(asked).to_pylist(), strict=True
        ):
            best[group] = min(best.get(group, (name, row)), (name, row))
    return {row for _, row in best.values()}


def _ids(spool: Spool, rows: np.ndarray) -> dict[int, str]:
    if not len(rows):
        return {}
    names: dict[int, str] = {}
    for table in spool.buckets():
        numbers = table["number"].to_numpy()
        asked = np.flatnonzero(np.isin(numbers, rows))
        names |= dict(zip(numbers[asked].tolist(), table["id"].take(asked).to_pylist(), strict=True))
    return names
