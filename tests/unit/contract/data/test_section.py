import re
from dataclasses import FrozenInstanceError

import pytest

from contract.data.section import DataConfig, read_data_config


def written(tmp_path, section):
    path = tmp_path / "moderation.yaml"
    path.write_text(f"data: {section}\ngate: {{}}\n")
    return path


def test_the_data_section_becomes_a_configuration(tmp_path):
    config = read_data_config(written(tmp_path, "{labels_field: tags, labels: [b, a], bad_rows: {empty_text: stop}}"))
    assert config.labels_field == "tags"
    assert config.labels == ("b", "a")
    assert config.bad_rows.empty_text == "stop"
    assert config.bad_rows.duplicate_text == "drop"


def test_a_class_column_maps_numbers_and_names(tmp_path):
    config = read_data_config(written(tmp_path, "{class_field: label, classes: {1: hate, spam: junk}}"))
    assert config.classes == {"1": "hate", "spam": "junk"}


@pytest.mark.parametrize(("text", "similarity"), [("off", None), ("'off'", None), ("0.9", 0.9), ("null", None)])
def test_near_duplicates_are_a_similarity_or_off(tmp_path, text, similarity):
    config = read_data_config(written(tmp_path, f"{{labels_field: labels, near_duplicates: {text}}}"))
    assert config.near_duplicates == similarity


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("{labels_field: labels, soruce: x}", "data: found the unknown key `soruce`, did you mean source?"),
        ("{labels_field: labels, bad_rows: {broken_row: skip}}", 'broken_row: found "skip", expected one of stop'),
        ("{labels_field: labels, bad_rows: {broken_row: stpo}}", 'broken_row: found "stpo", did you mean stop?'),
        ("{}", "data: found none of them, expected exactly one of"),
        ("{labels_field: labels, class_field: label}", "found labels_field and class_field, expected exactly one"),
        ("{label_fields: [a], classes: {1: x}}", "found classes without class_field"),
        ("{labels_field: labels, test_fraction: 1.0}", "data.test_fraction: found 1.0, expected less than 1"),
        ("{labels_field: labels, test_fraction: 0.6, validation_fraction: 0.4}", "expected less than 1 so that rows"),
        ("{labels_field: labels, minimum_positives: 0}", "data.minimum_positives: found 0, expected at least 1"),
        ("{labels_field: labels, minimum_positives: '5'}", 'minimum_positives: found "5", expected a whole number'),
        ("{labels_field: labels, minimum_positives: 1:30}", "found 1:30, which YAML reads as the number 90"),
        ("{labels_field: labels, labels: insult}", 'data.labels: found "insult", expected a list'),
        ("{labels_field: labels, labels: [no, yes]}", 'data.labels.0: found false, as YAML reads no: write "no"'),
        ("{labels_field: labels, near_duplicates: 0.3}", "data.near_duplicates: found 0.3, expected a similarity"),
        ("{labels_field: labels, near_duplicates: 1}", "data.near_duplicates: found 1, expected a similarity"),
        ("{labels_field: labels, near_duplicates: on}", "data.near_duplicates: found True, expected a similarity"),
        ("{labels_field: labels, near_duplicates: some}", "data.near_duplicates: found 'some', expected a similarity"),
        ("{labels_field: labels, source: 'hub:team/set'}", "expected hub:<dataset id>@<revision>"),
        ("{labels_field: labels, seed: 1.5}", "data.seed: found 1.5, expected a whole number"),
        ("{labels_field: labels, text_field: ''}", "data.text_field"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_was_expected(tmp_path, section, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_data_config(written(tmp_path, section))


def test_a_file_without_the_section_is_refused(tmp_path):
    path = tmp_path / "moderation.yaml"
    path.write_text("gate: {}\n")
    with pytest.raises(ValueError, match="data: found no such section"):
        read_data_config(path)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        DataConfig(labels_field="labels").seed = 1


@pytest.mark.parametrize(
    ("text", "source"), [("raw/", "raw/"), ("raw", "raw/"), ("a/b", "a/b/"), ("'a b/c//'", "a b/c/")]
)
def test_a_prefix_ends_where_its_name_ends(tmp_path, text, source):
    assert read_data_config(written(tmp_path, f"{{labels_field: labels, source: {text}}}")).source == source


@pytest.mark.parametrize("text", ["s3://bucket/raw/", "/raw/", "'raw/../x'", "./raw", "' raw/'", "'/'", "''", "gs:raw"])
def test_what_is_no_prefix_of_the_data_bucket_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"data\.source: found .*, expected a prefix in the data bucket such as raw/"):
        read_data_config(written(tmp_path, f"{{labels_field: labels, source: {text}}}"))
