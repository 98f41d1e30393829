"""The log of one build, with its secrets masked."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.core.logs import LogStream

SHORTEST_SECRET = 4  # masking "a" would make the log unreadable and the secret no safer


class BuildLog:
    """Writes to a stream once there is one; without a stream what is said is lost, as on AWS."""

    def __init__(self) -> None:
        self._stream: LogStream | None = None
        self._secrets: list[str] = []

    def open(self, stream: LogStream) -> None:
        self._stream = stream

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def hide(self, secret: str) -> None:
        """From now on the secret is shown as ***."""
        self._secrets.append(secret)

    def masked(self, text: str) -> str:
        for secret in self._secrets:
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text

    def write(self, line: str) -> None:
        """One line that a command has written."""
        if self._stream is not None:
            self._stream.write(self.masked(line))

    def say(self, message: str) -> None:
        """What CodeBuild itself has to say, with the time before each line."""
        if self._stream is not None:
            stamp = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
            for line in self.masked(message).splitlines():
                self._stream.write(f"[Container] {stamp} {line}")
