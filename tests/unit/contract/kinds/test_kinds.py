import pytest
from pydantic import TypeAdapter, ValidationError

from contract.kinds.kinds import Label, Name, PositiveShare, Share


def test_whole_numbers_are_names_and_truth_values_are_none():
    assert TypeAdapter(Name).validate_python(7, strict=True) == "7"
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(True, strict=True)


@pytest.mark.parametrize("label", ["", " a", "a\n"])
def test_a_label_has_no_blanks_at_its_ends_and_no_line_break(label):
    with pytest.raises(ValidationError, match="expected a name without line breaks"):
        TypeAdapter(Label).validate_python(label)


def test_shares_are_from_0_or_above_it_up_to_1():
    assert TypeAdapter(Share).validate_python(0) == 0
    for kind, value in ((PositiveShare, 0), (Share, 1.1)):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value)
