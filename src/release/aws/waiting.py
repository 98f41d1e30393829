"""Waiting for what takes its time, by a clock that a test can move."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Clock:
    """Time as it passes; a test gives one that only sleeping moves."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()


def wait_for(
    probe: Callable[[], Value | None], limit_seconds: float, poll_seconds: float, clock: Clock = REAL_TIME
) -> Value | None:
    """The first true value of `probe`; None where none came within the limit. It is asked at least once."""
    deadline = clock.now() + limit_seconds
    while True:
        if value := probe():
            return value
        if clock.now() >= deadline:
            return None
        clock.sleep(poll_seconds)


def spoken_seconds(seconds: float) -> str:
    """75.2 -> `1 m 15 s`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"
