from hypothesis import given
from hypothesis import strategies as st

from release.naming import MAX_CHARACTERS, fingerprint, name

slug = st.from_regex(r"[a-z][a-z0-9]{0,40}(-[a-z0-9]{1,20}){0,2}", fullmatch=True)


@given(slug)
def test_a_name_fits_sagemaker_however_long_the_project_is_called(project):
    composed = name(project, "evaluate", "0123456789ab", "12")
    assert len(composed) <= MAX_CHARACTERS
    assert composed.endswith("-evaluate-0123456789ab-12")
    assert "--" not in composed


def test_two_long_projects_with_the_same_beginning_get_different_names():
    one, other = (name("moderation-of-all-the-texts-in-the-world-" + end, "train", "0123456789ab") for end in "ab")
    assert one != other


def test_a_fingerprint_depends_on_every_part_and_on_no_order_of_keys():
    base = fingerprint("train", {"a": 1, "b": 2}, ["x", "y"])
    assert base == fingerprint("train", {"b": 2, "a": 1}, ["x", "y"])
    assert len({base, fingerprint("train", {"a": 1, "b": 3}, ["x", "y"]), fingerprint("train", {}, ["y", "x"])}) == 3
