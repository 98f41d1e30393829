"""The record of one job, and what training and processing jobs are refused for alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from emulator.core.errors import AwsError

# A default account may run this many instances of one type at once in jobs of one kind.
INSTANCE_LIMIT = 20
REASON_LENGTH = 1024

ACTIVE = ("InProgress", "Stopping")


class JobFailedError(Exception):
    """A job can't go on; the message is its FailureReason."""


class Job:
    """Record of one job. The thread that runs it writes; requests read a consistent `description` under the lock."""

    def __init__(self, arn: str, name: str, request: dict):
        self.arn = arn
        self.name = name
        self.request = request
        self.lock = threading.RLock()
        self.status = "InProgress"
        self.failure_reason: str | None = None
        self.created = self.modified = now()
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.stop_requested = threading.Event()

    def request_stop(self, kind: str) -> None:
        """Marks the job as stopping. Raises ValidationException when it has ended already."""
        with self.lock:
            if self.status not in ACTIVE:
                raise AwsError(
                    "ValidationException",
                    f"The request was rejected because the {kind} job is in status {self.status}.",
                )
            self.status = "Stopping"
            self.modified = now()
            self.stop_requested.set()


Kind = TypeVar("Kind", bound=Job)


def check_limit(
    jobs: Iterable[Kind], instance_type: str, count: int, usage: str, in_use: Callable[[Kind], int]
) -> None:
    """Raises ResourceLimitExceeded where `count` more instances would pass the account's limit.

    `in_use` gives the number of instances of that type that a job holds.
    """
    used = sum(in_use(job) for job in jobs if job.status in ACTIVE)
    if used + count > INSTANCE_LIMIT:
        raise AwsError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{instance_type} for {usage} job usage' is {INSTANCE_LIMIT} Instances, "
            f"with current utilization of {used} Instances and a request delta of {count} Instances. Please use AWS "
            "Service Quotas to request an increase for this quota.",
        )


def unsupported(operation: str, what: str) -> AwsError:
    """The honest answer to a request that needs more than this emulator has."""
    return AwsError("NotImplementedException", f"sagemaker:{operation}: {what} is not emulated", status=501)


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)
