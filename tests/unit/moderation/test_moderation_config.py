import re

import pytest

from moderation.config import DataConfig, EvaluationConfig, data_config, load_data_config, load_evaluation_config


def test_the_data_section_becomes_a_configuration(tmp_path):
    path = tmp_path / "moderation.yaml"
    path.write_text("data:\n  labels_field: tags\n  labels: [b, a]\n  bad_rows: {empty_text: stop}\ngate: {}\n")
    config = load_data_config(path)
    assert config.labels_field == "tags"
    assert config.labels == ("b", "a")
    assert config.bad_rows.empty_text == "stop"
    assert config.bad_rows.duplicate_text == "drop"


def test_a_class_column_maps_numbers_and_names():
    assert data_config({"class_field": "label", "classes": {1: "hate"}}).classes == {"1": "hate"}


@pytest.mark.parametrize(("written", "found"), [("off", None), ("'off'", None), ("0.9", 0.9), ("null", None)])
def test_near_duplicates_are_a_similarity_or_off(tmp_path, written, found):
    path = tmp_path / "moderation.yaml"
    path.write_text(f"data: {{labels_field: labels, near_duplicates: {written}}}\n")
    assert load_data_config(path).near_duplicates == found


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"labels_field": "labels", "soruce": "x"}, "unknown key 'soruce'"),
        ({"labels_field": "labels", "bad_rows": {"broken": "drop"}}, "data.bad_rows: found the unknown key 'broken'"),
        ({"labels_field": "labels", "bad_rows": {"broken_row": "skip"}}, "found 'skip', expected one of stop, drop"),
        ({}, "found none of them, expected exactly one of"),
        ({"labels_field": "labels", "class_field": "label"}, "data.labels_field and data.class_field"),
        ({"labels_field": "labels", "classes": {"1": "x"}}, "data.classes without data.class_field"),
        ({"labels_field": "labels", "test_fraction": 1.0}, "data.test_fraction: found 1.0"),
        ({"labels_field": "labels", "test_fraction": 0.6, "validation_fraction": 0.4}, "expected less than 1"),
        ({"labels_field": "labels", "minimum_positives": 0}, "expected 1 or more"),
        ({"labels_field": "labels", "minimum_positives": "5"}, "data.minimum_positives: found str '5', expected int"),
        ({"labels_field": "labels", "labels": "insult"}, "data.labels: found str 'insult', expected list"),
        ({"labels_field": "labels", "near_duplicates": 0.3}, "data.near_duplicates: found 0.3, expected a similarity"),
        ({"labels_field": "labels", "near_duplicates": 1}, "data.near_duplicates: found 1, expected a similarity"),
        ({"labels_field": "labels", "near_duplicates": True}, "data.near_duplicates: found bool True"),
        ({"labels_field": "labels", "near_duplicates": "some"}, "data.near_duplicates: found str 'some'"),
        ({"labels_field": "labels", "source": "hub:team/set"}, "expected hub:<dataset id>@<revision>"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(section, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        data_config(section)


def test_a_file_without_the_section_is_refused(tmp_path):
    path = tmp_path / "moderation.yaml"
    path.write_text("- data\n")
    with pytest.raises(ValueError, match="no `data` section"):
        load_data_config(path)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        DataConfig(labels_field="labels").seed = 1


def evaluation_written(tmp_path, section):
    path = tmp_path / "moderation.yaml"
    path.write_text(f"evaluation: {section}\n")
    return path


def test_the_evaluation_section_names_a_file_beside_it(tmp_path):
    (tmp_path / "cases.csv").write_text("")
    path = evaluation_written(tmp_path, "{show_texts: true, behaviour: cases.csv}")
    assert load_evaluation_config(path) == EvaluationConfig(True, tmp_path / "cases.csv")
    path.write_text("gate: {}\n")
    assert load_evaluation_config(path) == EvaluationConfig(False, None)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("{show_text: true}", "evaluation: found the unknown key 'show_text', expected one of show_texts, behaviour"),
        ("{show_texts: 1}", "evaluation.show_texts: found 1, expected true or false"),
        ("{behaviour: true}", "evaluation.behaviour: found bool True, expected str"),
        ("{behaviour: cases.csv}", "evaluation.behaviour: found 'cases.csv', expected the path of a CSV file beside"),
        ("[show_texts]", "evaluation: found ['show_texts'], expected a mapping"),
    ],
)
def test_a_mistake_in_the_evaluation_section_is_named(tmp_path, section, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        load_evaluation_config(evaluation_written(tmp_path, section))
