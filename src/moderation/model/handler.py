"""Serves a model that train.py saved: the four functions that the SageMaker hosting toolkit calls.

A bad request raises ValueError with a reason that a caller can act on; no text is ever logged.
"""

import json
import os
import re
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contract.model.answer import (
    MAXIMUM_BODY_BYTES,
    MAXIMUM_CHARACTERS,
    MAXIMUM_REQUEST_CHARACTERS,
    MAXIMUM_TEXTS,
    Answer,
    Result,
)
from contract.model.policy import DECISIONS, SCORE_DIGITS
from moderation.model.policy import Policy, read_policy
from moderation.model.scoring import Scorer

JSON = "application/json"
CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+*-]+", re.ASCII)


@dataclass(frozen=True)
class Moderator:
    """A loaded model with its decision policy."""

    scorer: Scorer
    policy: Policy
    model_package_arn: str
    """The package that this container was deployed from; `none` outside an endpoint."""


def model_fn(model_dir: str) -> Moderator:
    """Load the model directory."""
    directory = Path(model_dir)
    scorer = Scorer.load(directory)
    policy = read_policy(directory, scorer.labels)
    return Moderator(scorer, policy, os.environ.get("MODEL_PACKAGE_ARN", "none"))


def input_fn(body: str | bytes, content_type: str) -> list[str]:
    """The texts of a request, `{"text": "..."}` or `{"texts": ["...", ...]}`."""
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise ValueError(f"found {_shown_type(content_type)}, expected the content type {JSON}")
    size = len(body) if isinstance(body, bytes | bytearray) else len(body.encode("utf-8", "surrogatepass"))
    if size > MAXIMUM_BODY_BYTES:
        raise ValueError(
            f"found a body of {size} bytes, expected at most {MAXIMUM_BODY_BYTES}; send fewer texts a request"
        )
    try:
        content = json.loads(body.decode() if isinstance(body, bytes | bytearray) else body)
    except (ValueError, RecursionError):
        raise ValueError('found a body that is not valid JSON in UTF-8, expected {"text": "..."}') from None
    return texts_of(content)


def texts_of(content: Any) -> list[str]:
    """Check the decoded body of a request."""
    shape = '{"text": "..."} or {"texts": ["...", ...]}'
    if not isinstance(content, dict):
        raise ValueError(f"found JSON of type {type(content).__name__}, expected {shape}")
    if len(content) != 1 or not {"text", "texts"}.issuperset(content):
        # other keys are not repeated: what a caller sends may be a text
        known = [name for name in ("text", "texts") if name in content]
        others = len(content) - len(known)
        keys = " and ".join([*known, *([f"{others} other{'s' if others > 1 else ''}"] if others else [])]) or "no key"
        raise ValueError(f"found {keys}, expected exactly one of the keys 'text' and 'texts': {shape}")

    texts = [content["text"]] if "text" in content else content["texts"]
    if not isinstance(texts, list):
        raise ValueError(f"texts: found {type(texts).__name__}, expected a list of strings")
    if not 0 < len(texts) <= MAXIMUM_TEXTS:
        raise ValueError(f"texts: found {len(texts)} texts, expected 1 to {MAXIMUM_TEXTS}")

    all_characters = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"text {number}: found {type(text).__name__}, expected a string")
        if not text.strip():
            raise ValueError(f"text {number}: found nothing but white space, expected some text")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError(f"text {number}: found half a character (a lone surrogate), expected Unicode text")
        characters = _normalised_length(text)
        if characters > MAXIMUM_CHARACTERS:
            raise ValueError(
                f"text {number}: found {characters} characters, expected at most {MAXIMUM_CHARACTERS}, counted after "
                "Unicode's compatibility forms are undone"
            )
        all_characters += characters
    if all_characters > MAXIMUM_REQUEST_CHARACTERS:
        raise ValueError(
            f"found {all_characters} characters in all texts, expected at most {MAXIMUM_REQUEST_CHARACTERS}; send "
            "fewer texts a request"
        )
    return texts


def _normalised_length(text: str) -> int:
    """Characters of a text once its compatibility forms are undone."""
    if text.isascii() or len(text) > MAXIMUM_CHARACTERS:
        return len(text)
    return len(unicodedata.normalize("NFKC", text))


def _shown_type(content_type: str) -> str:
    """A content type as a message may repeat it: what is none may be a text."""
    found = CONTENT_TYPE.fullmatch(content_type.partition(";")[0].strip())
    return f"the content type {found.group()[:100]!r}" if found else "what is no content type"


def predict_fn(texts: list[str], moderator: Moderator) -> Answer:
    """The answer for some texts: every label with its score, its thresholds and its decision, and each text's own."""
    scores = moderator.scorer.score(texts)
    return {
        "id": str(uuid.uuid4()),
        "model": moderator.model_package_arn,
        "policy": moderator.policy.id,
        "results": answers(scores.probs, scores.truncated, moderator.policy),
    }


def answers(probs: np.ndarray, truncated: list[bool], policy: Policy) -> list[Result]:
    """What each text is answered, for probs (texts, labels); the policy decides on the scores as they are shown."""
    scores = np.round(probs.astype(np.float64), SCORE_DIGITS)
    decided = policy.decisions(scores)  # (texts, labels)
    return [
        {
            "decision": DECISIONS[decided[row].max()],
            "flagged": bool(decided[row].any()),
            "truncated": truncated[row],
            "labels": {
                label: {
                    "score": float(scores[row, column]),
                    # `threshold` is `review` under the name for callers who only ask whether a text is flagged
                    "threshold": float(policy.review[column]),
                    "review": float(policy.review[column]),
                    "block": float(policy.block[column]),
                    "flagged": bool(decided[row, column]),
                    "decision": DECISIONS[decided[row, column]],
                }
                for column, label in enumerate(policy.labels)
            },
        }
        for row in range(len(probs))
    ]


def output_fn(answer: Answer, accept: str) -> str:
    """The answer as JSON. Raises ValueError where the caller accepts no JSON."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in (accept or "*/*").split(",")}
    if kinds.isdisjoint({JSON, "*/*", "application/*"}):
        raise ValueError(f"found {len(kinds)} accepted types and none of them JSON, expected {JSON}")
    return json.dumps(answer, ensure_ascii=False)
