"""A retry of a call that succeeded gets the same answer again.

An SDK that lost an answer sends the call anew under the same invocation id. Without this, a deletion that worked would
be answered "not found" the second time, and Terraform would fail.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping

from werkzeug.datastructures import Headers

from emulator.core.protocol import Answer

_REMEMBERED_ANSWERS = 500
_LARGEST_ANSWER_BYTES = 65_536
_ATTEMPT = re.compile(r"attempt=(\d+)")


class Retries:
    """The latest successful answers by the SDK's invocation id; safe to use from several threads."""

    def __init__(self):
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def answered(self, headers: Mapping[str, str] | Headers) -> Answer | None:
        """The answer that an earlier attempt of this call got, or None where this is the first or none succeeded."""
        attempt = _ATTEMPT.search(headers.get("amz-sdk-request", ""))
        if attempt is None or int(attempt.group(1)) < 2:
            return None
        with self._lock:
            return self._answers.get(headers.get("amz-sdk-invocation-id", ""))

    def remember(self, method: str, headers: Mapping[str, str] | Headers, answer: Answer) -> None:
        """Keep a successful answer to a call that may have changed something."""
        invocation = headers.get("amz-sdk-invocation-id")
        if not invocation or method in ("GET", "HEAD") or answer.status >= 300:
            return
        if len(answer.body) > _LARGEST_ANSWER_BYTES:
            return
        with self._lock:
            self._answers[invocation] = answer
            if len(self._answers) > _REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
