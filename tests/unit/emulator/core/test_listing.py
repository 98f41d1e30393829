from datetime import UTC, datetime, timedelta

import pytest

from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def entry(name, minutes, status="Completed"):
    moment = BEGIN + timedelta(minutes=minutes)
    return Entry(name, moment, name, modified=moment + timedelta(hours=1), status=status)


ENTRIES = [entry("train-b", 2), entry("train-a", 1, "Failed"), entry("evaluate", 3)]


def names(**request):
    return listing(ENTRIES, request, "Names")["Names"]


def test_resources_are_listed_by_creation_unless_asked_otherwise():
    assert names() == ["train-a", "train-b", "evaluate"]
    assert names(SortOrder="Descending") == ["evaluate", "train-b", "train-a"]
    assert names(SortBy="Name") == ["evaluate", "train-a", "train-b"]
    assert names(SortBy="Status")[-1] == "train-a"


def test_a_service_may_list_the_newest_first_by_default():
    assert listing(ENTRIES, {}, "Names", default_order="Descending")["Names"][0] == "evaluate"


def test_filters_leave_out_what_does_not_match():
    assert names(NameContains="TRAIN") == ["train-a", "train-b"]
    assert names(StatusEquals="Failed") == ["train-a"]
    assert names(CreationTimeAfter=BEGIN + timedelta(minutes=2)) == ["train-b", "evaluate"]
    assert names(CreationTimeBefore=BEGIN + timedelta(minutes=2)) == ["train-a", "train-b"]
    assert names(LastModifiedTimeAfter=BEGIN + timedelta(minutes=63)) == ["evaluate"]


def test_pages_follow_each_other_without_gap_or_repetition():
    found, token = [], {}
    while True:
        page = listing(ENTRIES, {"MaxResults": 2, **token}, "Names")
        found.append(page["Names"])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == [["train-a", "train-b"], ["evaluate"]]


@pytest.mark.parametrize("token", ["%%%", "bm90IGEgbnVtYmVy"])
def test_a_token_that_was_not_given_out_is_refused(token):
    with pytest.raises(AwsError, match="NextToken"):
        listing(ENTRIES, {"NextToken": token}, "Names")
