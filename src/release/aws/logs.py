"""Reads CloudWatch Logs, each line once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import GetLogEventsRequestTypeDef

LogStream = tuple[str, str]
"""Name of a log group, and of a stream in it."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LogFollower:
    """Reads a log stream forward; each call of `new_lines` gives what came since the last one."""

    def __init__(self, logs: CloudWatchLogsClient):
        self._logs = logs
        self._tokens: dict[LogStream, str] = {}

    def new_lines(self, stream: LogStream) -> Iterator[str]:
        """What was written since the last call; nothing where there is no such stream yet."""
        group, name = stream
        while True:
            request: GetLogEventsRequestTypeDef = {"logGroupName": group, "logStreamName": name, "startFromHead": True}
            if token := self._tokens.get(stream):
                request["nextToken"] = token
            try:
                page = self._logs.get_log_events(**request)
            except self._logs.exceptions.ResourceNotFoundException:
                return

            self._tokens[stream] = page["nextForwardToken"]
            for event in page["events"]:
                yield ANSI.sub("", event["message"].rstrip())
            if not page["events"]:
                return


class LogReader:
    """Reads a job's log lines, each once, from all its streams (one a host)."""

    def __init__(self, log_group: str, job_name: str, logs: CloudWatchLogsClient):
        self._group, self._prefix, self._logs = log_group, f"{job_name}/", logs
        self._follower = LogFollower(logs)

    def new_lines(self) -> list[tuple[str, str]]:
        """(stream, line) of what was written since the last call; empty where nothing was logged yet."""
        try:
            pages = self._logs.get_paginator("describe_log_streams").paginate(
                logGroupName=self._group, logStreamNamePrefix=self._prefix
            )
            streams = sorted(stream["logStreamName"] for page in pages for stream in page["logStreams"])
        except ClientError as error:
            if is_not_found(error):
                return []
            raise
        return [(stream, line) for stream in streams for line in self._follower.new_lines((self._group, stream))]


def last_log_lines(logs: CloudWatchLogsClient, stream: LogStream, count: int = 20) -> list[str]:
    """The last lines of a log stream; empty when there is no such stream."""
    group, name = stream
    try:
        page = logs.get_log_events(logGroupName=group, logStreamName=name, limit=count, startFromHead=False)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [ANSI.sub("", event["message"].rstrip()) for event in page["events"]]
