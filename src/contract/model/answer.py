"""What an endpoint takes, and what it answers."""

from typing import TypedDict

from contract.model.policy import Decision

MAXIMUM_BODY_BYTES = 1_000_000
MAXIMUM_TEXTS = 128
# Of one text and of all of a request, once compatibility forms are undone: one character may stand for 18
MAXIMUM_CHARACTERS = 50_000
MAXIMUM_REQUEST_CHARACTERS = 1_000_000


class LabelAnswer(TypedDict):
    """One label of one text."""

    score: float
    """From 0 to 1."""
    threshold: float
    """The same as `review`, for callers who only ask whether a text is flagged."""
    review: float
    """From this score on a person decides."""
    block: float
    """From this score on the text is blocked; 1 stands for never."""
    flagged: bool
    decision: Decision


class Result(TypedDict):
    """One text."""

    decision: Decision
    """The gravest of its labels."""
    flagged: bool
    truncated: bool
    """Whether the encoder read only the start of the text."""
    labels: dict[str, LabelAnswer]


class Answer(TypedDict):
    """The answer to one request."""

    id: str
    model: str
    """ARN of the model package; `none` outside an endpoint."""
    policy: str
    """Id of the decision policy."""
    results: list[Result]
    """In the order of the texts."""
