"""Names: deterministic, from what they stand for, and never longer than SageMaker takes."""

import hashlib
import json
from typing import Any

MAX_CHARACTERS = 63  # SageMaker: jobs, models, endpoint configs, endpoints
FINGERPRINT_CHARACTERS = 12


def fingerprint(*parts: Any) -> str:
    """12 hex digits that depend on every JSON-serialisable part and on their order, not on the order of keys."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:FINGERPRINT_CHARACTERS]


def name(*parts: str) -> str:
    """Join parts with hyphens; where the whole is too long, the first part gives way: it is the project's prefix.

    The cut prefix ends in a hash of the whole prefix, so that two long project names never collide.
    """
    whole = "-".join(parts)
    if len(whole) <= MAX_CHARACTERS:
        return whole
    tail = "-".join(parts[1:])
    digest = hashlib.sha256(parts[0].encode("utf-8")).hexdigest()[:6]
    room = MAX_CHARACTERS - len(tail) - len(digest) - 2
    if room < 1:
        raise ValueError(f"the name {whole!r} has {len(whole)} characters; shorten {tail!r} to fit {MAX_CHARACTERS}")
    return f"{parts[0][:room].rstrip('-')}-{digest}-{tail}"
