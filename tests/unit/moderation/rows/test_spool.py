from itertools import pairwise

import numpy as np
import pytest

from moderation.rows import spool as spools
from moderation.rows.row import Row, normalised
from moderation.rows.spool import Spool, Stretch, text_digest


def row(number, *labels):
    text = f"Text {number}"
    return Row(
        f"id-{number}", text, frozenset(labels), frozenset(), f"file-{number % 2}", number, True, normalised(text)
    )


def filled(directory, rows, similarity=None):
    spool = Spool(directory, 13, similarity)
    for item in rows:
        spool.add(item)
    return spool


def rows_of(spool):
    return {
        number: (name, text)
        for table in spool.buckets()
        for number, name, text in zip(*(table[column].to_pylist() for column in ("number", "id", "text")), strict=True)
    }


@pytest.mark.parametrize("batch", [3, 1000])
def test_rows_keep_their_number_and_their_facts_whatever_the_batch(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(spools, "FLUSH_ROWS", batch)
    spool = filled(tmp_path / "spool", [row(number, *["x"] * (number % 2)) for number in range(10)])
    spool.finish()
    assert rows_of(spool) == {number: (f"id-{number}", f"Text {number}") for number in range(10)}
    assert spool.combination.tolist() == [0, 1] * 5
    assert spool.combinations == [(frozenset(), frozenset()), (frozenset({"x"}), frozenset())]
    assert spool.place(3) == "file-1, row 3"
    assert spool.digests[4].tolist() == np.frombuffer(text_digest("text 4"), ">u8").tolist()


def test_buckets_come_in_the_order_of_the_keys(tmp_path):
    spool = filled(tmp_path / "spool", [row(number) for number in range(300)])
    spool.finish()
    firsts = [spool.keys[table["number"].to_numpy(), 0] for table in spool.buckets()]
    assert len(firsts) > 10
    assert all(low.max() < high.min() for low, high in pairwise(firsts))


def test_saved_spools_are_merged_as_if_their_rows_had_been_added_one_by_one(tmp_path):
    rows = [row(number, "xy"[number % 2]) for number in range(9)]
    for name, part in (("a", rows[4:]), ("b", rows[:4])):
        filled(tmp_path / name, part).save()
    one = filled(tmp_path / "one", rows)
    one.finish()
    stretches = [Stretch(tmp_path / "b", 0, 4), Stretch(tmp_path / "a", 0, 5)]
    merged = Spool.merged(tmp_path / "merged", 13, None, stretches)
    assert rows_of(merged) == rows_of(one)
    for name in ("keys", "digests", "characters", "own_id"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(one, name))
    labels = [[spool.combinations[place] for place in spool.combination] for spool in (merged, one)]
    assert labels[0] == labels[1]
