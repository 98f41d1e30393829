from hypothesis import given, settings
from hypothesis import strategies as st

from contract.data.section import DataConfig
from moderation.rows.labels import Class, LabelReader
from moderation.rows.parsing import is_unicode, parse_row
from moderation.rows.row import Problem, Row

LISTS = DataConfig(labels_field="labels")
COLUMNS = DataConfig(label_fields=("insult", "threat"))
CLASSES = DataConfig(class_field="label", classes={"1": "hate"})


def test_half_a_character_is_no_text():
    assert is_unicode("grüße")
    assert not is_unicode("\ud800")


def test_a_class_label_is_found_by_number_or_by_name():
    by_number = parse_row("f", 1, {"text": "a", "label": Class(1, "offensive")}, LabelReader(CLASSES))
    named = DataConfig(class_field="label", classes={"offensive": "hate"})
    by_name = parse_row("f", 1, {"text": "a", "label": Class(1, "offensive")}, LabelReader(named))
    undecided = parse_row("f", 1, {"text": "a", "label": Class(-1, None)}, LabelReader(CLASSES))
    assert by_number.positive == by_name.positive == {"hate"}
    assert undecided.kind == "missing_field"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    record=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "text", "labels", "label", "insult", "threat"), JSON_VALUES)
    ),
    config=st.sampled_from([LISTS, COLUMNS, CLASSES]),
)
def test_any_json_object_is_a_row_or_a_problem(record, config):
    assert isinstance(parse_row("f", 1, record, LabelReader(config)), Row | Problem)
