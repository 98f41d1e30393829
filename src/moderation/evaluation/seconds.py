"""What each kind of work of an evaluation takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from moderation.job.container import say


class Seconds:
    """Adds up the time that each kind of work took."""

    def __init__(self) -> None:
        self._of = {"model": 0.0, "baselines": 0.0, "metrics": 0.0}

    @contextmanager
    def spent_on(self, kind: str) -> Iterator[None]:
        """Count the time of a block."""
        started = time.monotonic()
        yield
        self._of[kind] += time.monotonic() - started

    def say(self) -> None:
        """Write them to the log."""
        say(", ".join(f"{kind} {value:.1f} s" for kind, value in self._of.items()))

    def rounded(self) -> dict[str, float]:
        """Kind of work to its seconds."""
        return {kind: round(value, 2) for kind, value in self._of.items()}
