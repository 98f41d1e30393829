"""The List operations of a service: filters, order and pages, as their requests spell them.

moto's own `paginate` cuts pages only, and cuts them otherwise: its token names the next item by an attribute, which the
versions of a model package group and the test cases of a report have in common, and a token whose item was deleted
since is an error. The services here go on from a position instead, so the pages are our own.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.core.errors import AwsError

DEFAULT_PAGE = 100


@dataclass(frozen=True)
class Entry:
    """One resource in a listing."""

    name: str
    created: datetime
    summary: dict  # what the answer shows of it
    modified: datetime | None = None
    status: str | None = None


def listing(entries: Iterable[Entry], request: dict, member: str, default_order: str = "Ascending") -> dict:
    """The answer of a List operation: `member` holds the summaries of one page, NextToken leads to the next.

    Understands NameContains, StatusEquals, CreationTime and LastModifiedTime After and Before, SortBy, SortOrder,
    MaxResults and NextToken.
    """
    chosen = [entry for entry in entries if _matches(entry, request)]
    keys = {
        "Name": lambda entry: entry.name,
        "Status": lambda entry: (entry.status, entry.created),
        "CreationTime": lambda entry: entry.created,
        "LastModifiedTime": lambda entry: entry.modified,
    }
    chosen.sort(
        key=keys[request.get("SortBy", "CreationTime")],
        reverse=request.get("SortOrder", default_order) == "Descending",
    )
    begin = _offset(request.get("NextToken"))
    end = begin + request.get("MaxResults", DEFAULT_PAGE)
    answer: dict[str, Any] = {member: [entry.summary for entry in chosen[begin:end]]}
    if end < len(chosen):
        answer["NextToken"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return answer


def page(member: str, found: list, request: dict) -> dict:
    """One page of a list, in the spelling of CodeBuild and CodePipeline: `nextToken` is where the next one starts."""
    start = int(request.get("nextToken") or 0)
    size = request.get("maxResults", DEFAULT_PAGE)
    following = start + size
    return {
        member: found[start:following],
        "nextToken": str(following) if following < len(found) else None,
    }


def sorted_by_age(newest_last: list[str], request: dict) -> list[str]:
    """A list in the order that CodeBuild's `sortOrder` asks for: the newest first, unless it is ASCENDING."""
    return newest_last if request.get("sortOrder") == "ASCENDING" else newest_last[::-1]


def _matches(entry: Entry, request: dict) -> bool:
    return (
        request.get("NameContains", "").lower() in entry.name.lower()
        and request.get("StatusEquals", entry.status) == entry.status
        and _within(entry.created, request.get("CreationTimeAfter"), request.get("CreationTimeBefore"))
        and _within(entry.modified, request.get("LastModifiedTimeAfter"), request.get("LastModifiedTimeBefore"))
    )


def _within(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if moment is None:
        return after is None and before is None
    return (after is None or moment >= after) and (before is None or moment <= before)


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise AwsError("ValidationException", f"Invalid NextToken: {token!r}") from error
