import pytest

from contract.data.section import BadRows
from moderation.rows.row import EXAMPLES_PER_KIND, Problem, Rejections, normalised, shown


def test_normalisation_unites_case_width_space_and_invisible_characters():
    assert normalised("  Ｈｅｌｌｏ\u200b\n WORLD\u00ad ") == normalised("hello world")
    assert normalised("hello world") != normalised("hello, world")
    assert normalised(" Hello \x1f\t world") == "hello world"


def test_a_wrong_value_is_shown_where_it_may_be_a_name_and_never_where_it_may_be_a_text():
    assert shown("grüße") == ascii("grüße")
    assert (shown(1e300), shown(None), shown([1])) == ("1e+300", "None", "list")
    assert shown("x" * 500) == "a text of 500 characters"
    assert shown("you are a fool") == "a text of 14 characters"


def test_a_dropped_row_is_counted_and_few_of_a_kind_are_told():
    rejections, others = Rejections(BadRows()), Rejections(BadRows())
    for number in range(EXAMPLES_PER_KIND + 3):
        others.add(Problem("empty_text", "f", number, "nothing", "some text"))
    rejections.include(others)
    rejections.add_more("empty_text", 2)
    assert rejections.counts == {"empty_text": EXAMPLES_PER_KIND + 5}
    assert len(rejections.examples["empty_text"]) == EXAMPLES_PER_KIND


def test_a_row_that_must_stop_does():
    with pytest.raises(ValueError, match=r"f, row 3: found nothing, expected some\. Correct the row, or set data\.bad"):
        Rejections(BadRows()).add(Problem("missing_field", "f", 3, "nothing", "some"))
