import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.config import BadRows
from moderation.reading import Rejections, Row, normalised
from moderation.splitting import stratified_split, unique_rows

FRACTIONS = (0.65, 0.1, 0.25)


def row(number, *labels, text=None, row_id=None):
    text = f"text {number}" if text is None else text
    row_id = f"id-{number}" if row_id is None else row_id
    return Row(row_id, text, frozenset(labels), frozenset(), f"f, row {number}", True)


def corpus(count=400):
    chance = random.Random(1)  # noqa: S311
    shares = {"common": 0.5, "often": 0.2, "rare": 0.03}
    return [row(number, *(label for label in shares if chance.random() < shares[label])) for number in range(count)]


def test_each_split_gets_its_share_of_every_label():
    rows = corpus()
    splits = stratified_split(rows, FRACTIONS, seed=13)
    for label in ("common", "often", "rare"):
        total = sum(label in item.positive for item in rows)
        for split, fraction in zip(splits, FRACTIONS, strict=True):
            assert abs(sum(label in item.positive for item in split) - fraction * total) <= 2
    assert [len(split) for split in splits] == pytest.approx([260, 40, 100], abs=4)


def test_a_label_with_five_rows_lands_in_every_split():
    rows = [row(number, "common") for number in range(200)] + [
        row(number, "common", "rare") for number in range(200, 205)
    ]
    counts = [sum("rare" in item.positive for item in split) for split in stratified_split(rows, FRACTIONS, 13)]
    assert min(counts) >= 1
    assert counts[0] == 3


def test_every_row_lands_in_exactly_one_split():
    rows = corpus()
    placed = [item.id for split in stratified_split(rows, FRACTIONS, 13) for item in split]
    assert sorted(placed) == sorted(item.id for item in rows)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(40)))
def test_the_order_of_the_rows_changes_nothing(order):
    rows = corpus(40)
    shuffled = [rows[index] for index in order]
    rejections = Rejections(BadRows())
    assert stratified_split(shuffled, FRACTIONS, 13) == stratified_split(rows, FRACTIONS, 13)
    assert unique_rows(shuffled, rejections).rows == unique_rows(rows, rejections).rows


def test_another_seed_gives_another_split():
    rows = corpus()
    assert stratified_split(rows, FRACTIONS, 13) != stratified_split(rows, FRACTIONS, 14)


def test_of_equal_texts_the_smallest_id_stays_and_the_others_are_counted():
    rejections = Rejections(BadRows())
    twins = [row(1, "x", text="Hello\u200b  World", row_id="b"), row(2, text="hello world", row_id="a")]
    unique = unique_rows([*twins, row(3)], rejections)
    assert [item.id for item in unique.rows] == ["a", "id-3"]
    assert rejections.counts == {"duplicate_text": 1}
    assert unique.conflicting_duplicates == 1
    assert rejections.examples["duplicate_text"] == ["f, row 1: found the text of f, row 2, expected each text once"]


def test_a_duplicated_id_stops_and_names_both_places():
    with pytest.raises(ValueError, match=r"f, row 2: found the id 'a' of f, row 1, expected an id of its own"):
        unique_rows([row(1, row_id="a"), row(2, row_id="a")], Rejections(BadRows()))


def test_normalisation_unites_case_width_space_and_invisible_characters():
    assert normalised("  Ｈｅｌｌｏ\u200b\n WORLD\u00ad ") == normalised("hello world")
    assert normalised("hello world") != normalised("hello, world")
