import pytest

from contract.data.section import DataConfig
from moderation.rows.columns import check_columns, needed_columns


def test_what_may_be_absent_is_not_needed():
    named = {"label_fields": ("a", "b")}
    assert needed_columns(DataConfig(**named)) == ["text", "a", "b"]
    assert needed_columns(DataConfig(**named, absent_labels="not_annotated")) == ["text"]
    assert needed_columns(DataConfig(class_field="label")) == ["text", "label"]


def test_a_header_lacks_nothing_and_has_nothing_twice():
    config = DataConfig(labels_field="labels")
    check_columns(["id", "text", "labels", "", ""], "a.csv", config)
    with pytest.raises(ValueError, match="found the column labels twice, expected each name once"):
        check_columns(["text", "labels", "labels"], "a.csv", config)
    with pytest.raises(ValueError, match=r"found the columns text, expected labels too; .* names in data\.columns"):
        check_columns(["text"], "a.csv", config)
