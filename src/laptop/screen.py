"""What a person sees of a long run: lines that stay, and one line that moves."""

import shutil
import sys
import time
from typing import TextIO


def clock(seconds: float) -> str:
    """`75.2` as `1:15`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Screen:
    """Prints lines with the elapsed time; a moving line is rewritten on a terminal and thinned out elsewhere."""

    seconds_between_moving_lines = 10.0  # where there is no terminal, so that a CI log stays short

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stdout
        self.started = time.monotonic()
        self.is_terminal = self.stream.isatty()
        self._moving_line_shown = False
        self._last_moving = self.started

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.started

    def line(self, text: str = "") -> None:
        """A line that stays, with the elapsed time."""
        self._clear()
        self.stream.write(f"{clock(self.seconds):>6}  {text}\n" if text else "\n")
        self.stream.flush()

    def block(self, text: str) -> None:
        """Lines that stay, as they are."""
        self._clear()
        self.stream.write(text.rstrip("\n") + "\n")
        self.stream.flush()

    def moving(self, text: str) -> None:
        """The line that moves: it takes the place of the one before it."""
        if self.is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._clear()
            self.stream.write(f"{clock(self.seconds):>6}  {text}"[:width])
            self._moving_line_shown = True
            self.stream.flush()
        elif time.monotonic() - self._last_moving >= self.seconds_between_moving_lines:
            self.line(text)
        else:
            return
        self._last_moving = time.monotonic()

    def ask(self, question: str) -> bool:
        """True when a person answers yes."""
        self._clear()
        self.stream.write(f"{question} [y/N] ")
        self.stream.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _clear(self) -> None:
        if self._moving_line_shown:
            self.stream.write("\r\033[K")
            self._moving_line_shown = False
