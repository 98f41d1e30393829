"""Who calls: a program or a web page, the principal behind an access key, and the record of every call."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from werkzeug.datastructures import Headers


@dataclass(frozen=True)
class Caller:
    """The principal of one request."""

    arn: str  # arn:aws:iam::123456789012:root, or arn:aws:sts::...:assumed-role/<role>/<session>
    role_arn: str | None  # the role whose session this is; None for the account itself
    access_key_id: str


def page_refusal(headers: Mapping[str, str] | Headers, port: int) -> str:
    """Why a request may come from a web page, in words, or "" where it can't.

    Builds run commands and the account needs no signature, so a page that is open in a browser must not get through.
    Browsers say with which page they come; SDKs, git and Terraform never do. A name other than loopback's own means
    that somebody else's name was made to lead here.
    """
    expected = (f"127.0.0.1:{port}", f"localhost:{port}")
    if (host := headers.get("Host", "")) not in expected:
        return f"found Host {host!r}; expected {' or '.join(expected)}"
    for name in ("Origin", "Sec-Fetch-Site"):
        if name in headers:
            return f"found the header {name}, which browsers send; the emulator answers programs only"
    return ""


class Accounts:
    """Maps access keys to principals: keys that STS gave out for a role, everything else is the account itself."""

    def __init__(self, account_id: str):
        self.account_id = account_id

    def caller(self, access_key_id: str) -> Caller:
        """The principal of `access_key_id`, as moto's STS knows it."""
        from moto.sts.models import sts_backends

        role = sts_backends[self.account_id]["aws"].get_assumed_role_from_access_key(access_key_id)
        if role is None:
            return Caller(f"arn:aws:iam::{self.account_id}:root", None, access_key_id)
        return Caller(role.arn, role.role_arn, access_key_id)


class CallLog:
    """Appends one JSON line per request to a file; readable while the emulator runs."""

    def __init__(self, path: Path):
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, **fields) -> None:
        """Write one line, with the current time before the given fields."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields})
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()
