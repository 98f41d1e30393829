"""What the outside sees of a build, and how a phase ends."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

SUCCEEDED, FAILED, STOPPED, TIMED_OUT, IN_PROGRESS = "SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT", "IN_PROGRESS"


class PhaseEnd(Exception):
    """A phase did not succeed."""

    def __init__(self, status: str, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class BuildRecord:
    """What the outside sees of a build: BatchGetBuilds' structure, kept by the runner, read by others."""

    def __init__(self, description: dict):
        self._lock = threading.Lock()
        self._description = description
        self.stop_requested = threading.Event()
        self.finished = threading.Event()

    @property
    def id(self) -> str:
        return self._description["id"]

    def snapshot(self) -> dict:
        with self._lock:
            phases = [dict(phase) for phase in self._description["phases"]]
            return {**self._description, "phases": phases}

    def update(self, **members) -> None:
        with self._lock:
            self._description.update(members)

    def begin_phase(self, phase: str) -> None:
        with self._lock:
            self._description["currentPhase"] = phase
            self._description["phases"].append({"phaseType": phase, "startTime": _now()})

    def end_phase(self, status: str, code: str = "", message: str = "") -> None:
        with self._lock:
            phase = self._description["phases"][-1]
            phase["endTime"] = _now()
            phase["phaseStatus"] = status
            phase["durationInSeconds"] = round((phase["endTime"] - phase["startTime"]).total_seconds())
            phase["contexts"] = [{"statusCode": code, "message": message}]

    def complete(self, status: str, **members) -> None:
        with self._lock:
            now = _now()
            self._description["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self._description.update(
                members, buildStatus=status, currentPhase="COMPLETED", buildComplete=True, endTime=now
            )
        self.finished.set()


def _now() -> datetime:
    return datetime.now(UTC)
