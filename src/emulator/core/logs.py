"""Log lines of builds and jobs, written to CloudWatch Logs while they come."""

import logging
import threading
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
LARGEST_EVENT_BYTES = 200_000  # the service's limits, with room to spare: 256 KiB an event,
LARGEST_BATCH_BYTES = 900_000  # 1 MiB
LARGEST_BATCH_EVENTS = 5_000  # and 10,000 events a batch
EVENT_OVERHEAD_BYTES = 26


class LogStream:
    """One stream in CloudWatch Logs; group and stream are made when absent.

    With `role_arn` the calls are made by a session of that role, as CodeBuild and SageMaker make them. Lines are
    flushed in the background each half second; `close` flushes the rest. A stream that can't be written (its group
    was deleted, the role may not) is reported once in the emulator's own log and never stops the job.
    """

    def __init__(self, cloud: Cloud, group: str, stream: str, role_arn: str | None = None):
        self.group = group
        self.stream = stream
        self._client = cloud.client("logs", role_arn=role_arn)
        self._waiting: list[dict] = []
        self._changed = threading.Condition()
        self._closed = False
        self._broken = False
        self._thread = threading.Thread(target=self._run, name=f"log-{stream}", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Adds one line (without its line break); an empty line is kept as a blank, as the service takes no empty."""
        event = {"timestamp": int(time.time() * 1000), "message": _cut(line) or " "}
        with self._changed:
            self._waiting.append(event)

    def close(self) -> None:
        """Writes what is left and ends; afterwards all lines can be read."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        self._guarded(self._create)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, timeout=FLUSH_SECONDS)
                events, self._waiting = self._waiting, []
                closed = self._closed
            for batch in batches(events):
                self._guarded(self._put, batch)
            if closed:
                return

    def _create(self) -> None:
        # The stream first: where Terraform made the group, nobody needs the right to make one.
        try:
            self._create_stream()
        except self._client.exceptions.ResourceNotFoundException:
            try:
                self._client.create_log_group(logGroupName=self.group)
            except self._client.exceptions.ResourceAlreadyExistsException:
                log.debug("log group %s was made meanwhile", self.group)
            self._create_stream()

    def _create_stream(self) -> None:
        try:
            self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        except self._client.exceptions.ResourceAlreadyExistsException:
            log.debug("log stream %s is there already", self.stream)

    def _put(self, events: list[dict]) -> None:
        self._client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)

    def _guarded(self, call: Callable[..., None], *arguments) -> None:
        if self._broken:
            return
        try:
            call(*arguments)
        except (ClientError, BotoCoreError) as error:
            self._broken = True
            log.warning("log stream %s of group %s can't be written: %s", self.stream, self.group, error)


def batches(events: list[dict]) -> list[list[dict]]:
    """Cuts events into batches that the service takes: at most 1 MiB and 10,000 events each."""
    result: list[list[dict]] = []
    size = 0
    for event in events:
        event_size = len(event["message"].encode()) + EVENT_OVERHEAD_BYTES
        if not result or size + event_size > LARGEST_BATCH_BYTES or len(result[-1]) >= LARGEST_BATCH_EVENTS:
            result.append([])
            size = 0
        result[-1].append(event)
        size += event_size
    return result


def _cut(line: str) -> str:
    encoded = line.encode()
    if len(encoded) <= LARGEST_EVENT_BYTES:
        return line
    return encoded[:LARGEST_EVENT_BYTES].decode(errors="ignore")
