"""Waiting for what happens elsewhere, in another thread or process: the one place of the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

Found = TypeVar("Found")

LOOK_AGAIN_SECONDS = 0.02


def wait_until(look: Callable[[], Found], seconds: float = 20.0) -> Found:
    """What `look` returns, once that is true. Fails when it is not within `seconds`, and names what it saw last."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {seconds:g} seconds; found {found!r} at last"
        time.sleep(LOOK_AGAIN_SECONDS)
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended, though nobody may have asked for its status yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
