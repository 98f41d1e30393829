"""policy.json: from which score a label goes to a person (review), and from which it is blocked."""

from typing import Literal, TypedDict, get_args

Decision = Literal["allow", "review", "block"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)  # the gravest last
SCORE_DIGITS = 6  # of a score and of a threshold: what is shown is what decides
NEVER = 1.0  # a block threshold that no score reaches, not even one that is rounded to 1: a person decides


class LabelThresholds(TypedDict):
    """The two thresholds of a label; a score at or above one has reached it."""

    review: float
    block: float


class PolicyDocument(TypedDict):
    """policy.json."""

    id: str
    """`p-` and 12 hex digits: equal thresholds have an equal id."""
    labels: dict[str, LabelThresholds]


def decide(score: float, review: float, block: float) -> Decision:
    """What a score means by a label's two thresholds; a block threshold of NEVER blocks nothing."""
    if score >= block and block < NEVER:
        return "block"
    return "review" if score >= review else "allow"
