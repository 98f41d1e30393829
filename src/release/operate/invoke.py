"""`python -m release invoke`: an endpoint's answer to texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contract.model.answer import Answer
from contract.model.policy import Decision
from release.operate.find import find_endpoint
from release.stages import smoke

if TYPE_CHECKING:
    import boto3

MARKS: dict[Decision, str] = {"allow": " ", "review": "?", "block": "x"}


def invoke(session: boto3.Session, environment: str, endpoint: str | None, texts: Sequence[str], as_json: bool) -> int:
    """Ask an endpoint about texts and print its answer; 0."""
    name = find_endpoint(session.client("sagemaker"), environment, endpoint)
    body = {"text": texts[0]} if len(texts) == 1 else {"texts": list(texts)}
    answer = smoke.invoke(name, body, session.client("sagemaker-runtime"))
    print(json.dumps(answer, indent=2) if as_json else "\n".join(answer_lines(answer)))
    return 0


def answer_lines(answer: Answer) -> list[str]:
    """A moderation answer for people, the highest score first. A pure function."""
    lines = []
    for result in answer["results"]:
        shortened = ", text was too long and was cut" if result["truncated"] else ""
        lines.append(result["decision"] + shortened)
        for label, entry in sorted(result["labels"].items(), key=lambda item: -item[1]["score"]):
            thresholds = f"review {entry['review']:.3f}  block {entry['block']:.3f}"
            lines.append(f"  [{MARKS[entry['decision']]}] {label:<20} {entry['score']:.3f}  {thresholds}")
    lines.append(f"answered by {answer['model']}, policy {answer['policy']}, request {answer['id']}")
    return lines
