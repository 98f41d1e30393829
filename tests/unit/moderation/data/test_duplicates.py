import random

import numpy as np
import pytest

from contract.data.section import BadRows
from moderation.data.duplicates import drop_duplicates
from moderation.rows.row import Rejections, Row, normalised
from moderation.rows.spool import Spool

DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))


def row(number, *labels, text=None, row_id=None):
    text = f"text {number}" if text is None else text
    own = row_id != ""
    row_id = f"id-{number}" if row_id is None else row_id or f"text-{text}"
    return Row(row_id, text, frozenset(labels), frozenset(), "f", number, own, normalised(text))


@pytest.fixture
def spooled(tmp_path):
    def make(rows, name="spool"):
        spool = Spool(tmp_path / name, 13, None)
        for item in rows:
            spool.add(item)
        spool.finish()
        return spool

    return make


def kept_ids(rows, spool, rejections):
    return sorted(item.id for item, kept in zip(rows, drop_duplicates(spool, rejections).kept, strict=True) if kept)


def test_of_equal_texts_the_smallest_id_stays_and_the_others_are_counted(spooled):
    rejections = Rejections(BadRows())
    rows = [row(1, "x", text="Hello\u200b  World", row_id="b"), row(2, text="hello world", row_id="a"), row(3)]
    unique = drop_duplicates(spooled(rows), rejections)
    assert unique.kept.tolist() == [False, True, True]
    assert rejections.counts == {"duplicate_text": 1}
    assert unique.conflicting == 1
    assert rejections.examples["duplicate_text"] == ["f, row 1: found the text of f, row 2, expected each text once"]


def test_a_duplicated_id_stops_and_names_both_places(spooled):
    with pytest.raises(ValueError, match=r"f, row 2: found the id 'a' of f, row 1, expected an id of its own"):
        drop_duplicates(spooled([row(1, row_id="a"), row(2, row_id="a")]), Rejections(BadRows()))


def test_a_text_without_an_id_that_comes_twice_is_a_duplicated_text(spooled):
    rejections = Rejections(BadRows())
    kept = drop_duplicates(spooled([row(1, text="a", row_id=""), row(2, text="a", row_id="")]), rejections).kept
    assert kept.sum() == 1
    assert rejections.counts == {"duplicate_text": 1}


def test_the_order_of_reading_does_not_decide_which_rows_stay(spooled):
    chance = random.Random(4)  # noqa: S311
    rows = [row(number, text=f"t{chance.randrange(60)}", row_id=f"i{chance.randrange(80)}") for number in range(200)]
    found = set()
    for attempt in range(4):
        rejections = Rejections(DROP)
        spool = spooled(rows, f"spool-{attempt}")
        unique = drop_duplicates(spool, rejections)
        found.add(tuple(sorted((item.id, item.text) for item, kept in zip(rows, unique.kept, strict=True) if kept)))
        assert unique.kept.sum() + sum(rejections.counts.values()) == 200
        chance.shuffle(rows)
    (left,) = found
    assert len({identity for identity, _ in left}) == len({text for _, text in left}) == len(left)


def test_more_duplicates_than_examples_are_all_counted(spooled):
    rejections = Rejections(BadRows())
    unique = drop_duplicates(spooled([row(number, text="same") for number in range(50)]), rejections)
    assert np.flatnonzero(unique.kept).tolist() == [0]
    assert rejections.counts == {"duplicate_text": 49}
    assert len(rejections.examples["duplicate_text"]) == 10
