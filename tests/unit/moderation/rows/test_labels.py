import csv
import json
import math

import pytest

from contract.data.section import DataConfig
from moderation.data.prepare import prepare
from moderation.rows.labels import MISSING_WORDS, Class, LabelReader, UnusableLabels, plain_name

LISTS = DataConfig(labels_field="labels")
COLUMNS = DataConfig(label_fields=("insult", "threat"))
CLASSES = DataConfig(class_field="label", classes={"1": "hate", "yes": "hate"})


@pytest.mark.parametrize(
    ("record", "config", "positive", "unannotated"),
    [
        ({"labels": [" insult ", "threat"]}, LISTS, {"insult", "threat"}, set()),
        ({"labels": '["insult"]'}, LISTS, {"insult"}, set()),
        ({"labels": "insult | threat |"}, LISTS, {"insult", "threat"}, set()),
        ({"insult": "1.0", "threat": None}, COLUMNS, {"insult"}, {"threat"}),
        ({"insult": "FALSE", "threat": math.nan}, COLUMNS, set(), {"threat"}),
        ({"label": 1}, CLASSES, {"hate"}, set()),
        ({"label": True}, CLASSES, {"hate"}, set()),
        ({"label": Class(7, "yes")}, CLASSES, {"hate"}, set()),
        ({"label": 0}, CLASSES, set(), set()),
        ({"label": 2.0}, DataConfig(class_field="label"), {"2"}, set()),
    ],
)
def test_every_layout_says_which_labels_apply_and_which_nobody_decided(record, config, positive, unannotated):
    assert LabelReader(config).labels(record) == (positive, unannotated)


@pytest.mark.parametrize(
    ("record", "config", "kind", "found"),
    [
        ({}, LISTS, "missing_field", "no 'labels'"),
        ({"labels": [""]}, LISTS, "broken_row", "'' in 'labels'"),
        ({"insult": 1}, COLUMNS, "missing_field", "no field threat"),
        ({"insult": 2, "threat": 0}, COLUMNS, "broken_row", "2 in the label column 'insult'"),
        ({"insult": None, "threat": ""}, COLUMNS, "missing_field", "no label with a value"),
        ({"label": -1}, CLASSES, "missing_field", "no class in 'label'"),
        ({"label": [1]}, CLASSES, "broken_row", "list in 'label'"),
    ],
)
def test_labels_that_cannot_be_used_say_why(record, config, kind, found):
    with pytest.raises(UnusableLabels) as bad:
        LabelReader(config).labels(record)
    assert (bad.value.kind, bad.value.found) == (kind, found)


def labels(value, **settings):
    config = DataConfig(**(settings or {"labels_field": "labels"}))
    field = config.labels_field or config.class_field
    return LabelReader(config).labels({field: value})


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", " 1 ", "1.", "+1", "1.00"])
def test_a_number_is_one_class_however_it_is_written(value):
    assert labels(value, class_field="label", classes={"1": "hate"})[0] == {"hate"}
    assert labels(value, class_field="label", classes={"1.0": "hate"})[0] == {"hate"}
    assert labels(value, class_field="label")[0] == {"1"}


@pytest.mark.parametrize(("value", "name"), [("007", "007"), ("1.5", "1.5"), (1.5, "1.5"), ("-0", "0"), ("-2.0", "-2")])
def test_what_only_looks_like_a_number_keeps_its_spelling(value, name):
    assert plain_name(value) == name


@pytest.mark.parametrize("value", [" spam", "spam ", "\tspam\n", "spam\u00a0", "\ufeffspam", "spam\u200b"])
def test_blanks_around_a_label_are_no_part_of_it(value):
    assert labels(value, class_field="label")[0] == {"spam"}
    assert labels([value])[0] == {"spam"}


def test_composed_and_decomposed_letters_are_one_label():
    assert labels("beleidigu\u0308ng", class_field="label") == labels("beleidig\u00fcng", class_field="label")


@pytest.mark.parametrize("word", sorted(MISSING_WORDS | {"NaN", "NULL", "None", " N/A "}))
def test_the_words_for_missing_are_no_value_in_any_layout(word):
    for settings_ in (
        {"class_field": "label"},
        {"class_field": "label", "classes": {"1": "hate"}},
        {"labels_field": "l"},
    ):
        with pytest.raises(UnusableLabels) as caught:
            labels(word, **settings_)
        assert caught.value.kind == "missing_field"
    reader = LabelReader(DataConfig(label_fields=("insult", "threat")))
    assert reader.labels({"insult": word, "threat": 1}) == ({"threat"}, {"insult"})


def test_a_word_that_moderation_yaml_names_is_a_class():
    assert labels("none", class_field="label", classes={"none": "nothing_found"})[0] == {"nothing_found"}
    assert labels("-1", class_field="label", classes={"-1": "negative"})[0] == {"negative"}


@pytest.mark.parametrize("separator", [",", ";", "#", ", ", " ; "])
def test_a_cell_of_several_known_labels_is_those(separator):
    cell = separator.join(["insult", "threat"])
    assert labels(cell, labels_field="l", labels=("insult", "threat", "spam"))[0] == {"insult", "threat"}
    assert labels([cell], labels_field="l", labels=("insult", "threat"))[0] == {"insult", "threat"}
    assert labels(cell, class_field="l", classes={"insult": "insult", "threat": "violence"})[0] == {
        "insult",
        "violence",
    }


def test_a_label_with_a_separator_of_its_own_is_one_where_it_is_named():
    assert labels("hate, violence", labels_field="l", labels=("hate, violence",))[0] == {"hate, violence"}


def test_a_cell_of_a_known_and_an_unknown_class_is_no_clean_row():
    with pytest.raises(UnusableLabels, match="insult,thread"):
        labels("insult,thread", class_field="l", classes={"insult": "insult", "threat": "threat"})


def written(path, cells):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "labels"])
        writer.writerows((f"words number {number}", cell) for number, cell in enumerate(cells))


@pytest.mark.parametrize("field", ["labels_field", "class_field"])
def test_a_cell_is_parted_where_its_parts_are_labels_of_other_rows(tmp_path, field):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["insult"] * 20 + ["threat"] * 20 + ["insult,threat"] * 20 + ["other"] * 20)
    config = DataConfig(**{field: "labels"}, near_duplicates=None)
    manifest = prepare(config, tmp_path / "raw", tmp_path / "dataset")
    assert manifest["labels"] == ["insult", "other", "threat"]
    report = json.loads((tmp_path / "dataset" / "data_report.json").read_text())
    assert sum(report["labels"]["threat"]["positives"].values()) == 40


def test_a_cell_whose_parts_nobody_knows_stops_with_its_row(tmp_path):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["insult"] * 40 + ["insult,thread"] * 5)
    config = DataConfig(labels_field="labels", near_duplicates=None)
    with pytest.raises(ValueError, match=r"a\.csv, row 41: found the label 'insult,thread', expected one label"):
        prepare(config, tmp_path / "raw", tmp_path / "dataset")


def test_labels_that_differ_in_case_only_are_not_two(tmp_path):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["Insult"] * 20 + ["insult"] * 20)
    with pytest.raises(ValueError, match="found the labels 'Insult' and 'insult', which differ in case only"):
        prepare(DataConfig(labels_field="labels"), tmp_path / "raw", tmp_path / "dataset")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("yes", True), ("No", False), ("TRUE", True), ("f", False), (1.0, True), ("0.0", False), ("", None), (None, None)],
)
def test_a_label_column_is_read_by_its_meaning(value, expected):
    reader = LabelReader(DataConfig(label_fields=("insult", "threat")))
    positive, unannotated = reader.labels({"insult": value, "threat": 1})
    assert (("insult" in positive) or None if "insult" in unannotated else "insult" in positive) in (expected, None)
    assert ("insult" in unannotated) == (expected is None)
    assert ("insult" in positive) == (expected is True)


def test_other_values_of_a_label_column_are_named_in_moderation_yaml():
    with pytest.raises(UnusableLabels) as caught:
        LabelReader(DataConfig(label_fields=("toxic",))).labels({"toxic": "-1"})
    assert "data.label_values says what other values stand for" in caught.value.expected
    config = DataConfig(label_fields=("toxic", "threat"), label_values={"-1": "not_annotated", "X": "positive"})
    assert LabelReader(config).labels({"toxic": -1.0, "threat": "x"}) == ({"threat"}, {"toxic"})


def test_shares_of_annotators_are_positive_from_a_threshold_on():
    config = DataConfig(label_fields=("toxic", "threat", "insult"), positive_from=0.5)
    read = LabelReader(config).labels({"toxic": "0.7", "threat": "0,4", "insult": 0.5})
    assert read == ({"toxic", "insult"}, frozenset())


@pytest.mark.parametrize(
    "cell", ["['a', 'b']", '["a", "b"]', "('a', 'b')", "a|b", "a | b |", ["a", "b"], {"a": 1, "b": True, "c": 0}]
)
def test_a_list_of_labels_is_read_however_it_was_written(cell):
    assert labels(cell)[0] == {"a", "b"}


def test_numbers_in_a_list_have_names_in_moderation_yaml():
    assert labels("[0, 2]", labels_field="l", classes={"0": "admiration", "2": "anger"})[0] == {"admiration", "anger"}
    assert labels(["2", "0"], labels_field="l", classes={"0": "a", "2": "b"})[0] == {"a", "b"}
    with pytest.raises(UnusableLabels, match="number 0"):
        labels([0])


def test_places_in_a_list_have_names_in_moderation_yaml():
    assert labels([0, 1, "1.0"], labels_field="l", multi_hot=("a", "b", "c"))[0] == {"b", "c"}
    with pytest.raises(UnusableLabels, match="a list of 2"):
        labels([0, 1], labels_field="l", multi_hot=("a", "b", "c"))


def test_a_mapping_of_labels_to_shares_needs_a_threshold():
    assert labels({"toxic": 0.8, "threat": 0.1}, labels_field="l", positive_from=0.5)[0] == {"toxic"}
    with pytest.raises(UnusableLabels, match=r"0\.8"):
        labels({"toxic": 0.8}, labels_field="l")


def test_an_absent_key_means_nothing_unless_moderation_yaml_says_so():
    strict, open_ = (DataConfig(label_fields=("S", "H"), absent_labels=choice) for choice in ("stop", "not_annotated"))
    with pytest.raises(UnusableLabels, match="no field H"):
        LabelReader(strict).labels({"S": 1})
    assert LabelReader(open_).labels({"S": 1}) == ({"S"}, {"H"})
    with pytest.raises(UnusableLabels, match="no label with a value"):
        LabelReader(open_).labels({})
