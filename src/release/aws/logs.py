"""Reads CloudWatch Logs, each line once."""

import re
from collections.abc import Iterator

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found


class LogReader:
    """Reads a job's log lines from CloudWatch Logs, each once, from all its streams (one a host)."""

    def __init__(self, log_group: str, job_name: str, logs):
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


ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LogFollower:
    """Reads a log stream forward; each call of `new_lines` gives what came since the last one."""

    def __init__(self, logs):
        self.logs = logs
        self._tokens: dict[tuple[str, str], str] = {}

    def new_lines(self, stream: tuple[str, str]) -> Iterator[str]:
        while True:
            token = self._tokens.get(stream)
            try:
                page = self.logs.get_log_events(
                    logGroupName=stream[0],
                    logStreamName=stream[1],
                    startFromHead=True,
                    **({"nextToken": token} if token else {}),
                )
            except self.logs.exceptions.ResourceNotFoundException:
                return
            self._tokens[stream] = page["nextForwardToken"]
            for event in page["events"]:
                yield ANSI.sub("", event["message"].rstrip())
            if not page["events"]:
                return


def last_log_lines(logs, stream: tuple[str, str], count: int = 20) -> list[str]:
    """The last lines of a log stream; empty when there is no such stream."""
    try:
        page = logs.get_log_events(logGroupName=stream[0], logStreamName=stream[1], limit=count, startFromHead=False)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [ANSI.sub("", event["message"].rstrip()) for event in page["events"]]
