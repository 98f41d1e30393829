"""Answers that a retry gets again."""

import pytest

from emulator.core.protocol import Answer
from emulator.core.retries import Retries


def headers(invocation: str, attempt: int) -> dict[str, str]:
    return {"amz-sdk-invocation-id": invocation, "amz-sdk-request": f"attempt={attempt}; max=3"}


def test_only_a_later_attempt_of_the_same_call_gets_the_answer_again():
    retries, answer = Retries(), Answer(200, {}, b"{}")
    retries.remember("POST", headers("a", 1), answer)
    assert retries.answered(headers("a", 2)) is answer
    assert retries.answered(headers("a", 1)) is None
    assert retries.answered(headers("b", 2)) is None
    assert retries.answered({}) is None


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", Answer(200, {}, b"")),
        ("POST", Answer(400, {}, b"")),
        ("POST", Answer(200, {}, b"x" * 65_537)),
    ],
    ids=["a reading call", "a refusal", "a large answer"],
)
def test_what_changed_nothing_or_is_large_is_not_kept(method, answer):
    retries = Retries()
    retries.remember(method, headers("a", 1), answer)
    assert retries.answered(headers("a", 2)) is None


def test_the_oldest_answers_are_forgotten():
    retries = Retries()
    for number in range(501):
        retries.remember("POST", headers(str(number), 1), Answer(200, {}, b""))
    assert retries.answered(headers("0", 2)) is None
    assert retries.answered(headers("1", 2)) is not None
