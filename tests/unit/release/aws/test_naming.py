from hypothesis import given
from hypothesis import strategies as st

from release.aws.naming import MAX_CHARACTERS, fingerprint, name

words = st.lists(st.text("abcxyz019", min_size=1, max_size=12), min_size=1, max_size=9)


@given(words)
def test_a_name_fits_sagemaker_however_long_the_project_is_called(words):
    composed = name("-".join(words), "evaluate", "0123456789ab", "12")
    assert len(composed) <= MAX_CHARACTERS
    assert composed.endswith("-evaluate-0123456789ab-12")
    assert "--" not in composed


def test_two_long_projects_with_the_same_beginning_get_different_names():
    one, other = (
        name("moderation-of-all-the-texts-in-the-whole-world-" + end, "train", "0123456789ab") for end in "ab"
    )
    assert one != other


def test_a_fingerprint_depends_on_every_part_and_on_no_order_of_keys():
    base = fingerprint("train", {"a": 1, "b": 2}, ["x", "y"])
    assert base == fingerprint("train", {"b": 2, "a": 1}, ["x", "y"])
    assert len({base, fingerprint("train", {"a": 1, "b": 3}, ["x", "y"]), fingerprint("train", {}, ["y", "x"])}) == 3
