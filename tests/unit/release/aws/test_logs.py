import time

import pytest

from release.aws.logs import LogFollower, LogReader, last_log_lines

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def logs(aws):
    client = aws.client("logs")
    client.create_log_group(logGroupName=GROUP)
    return client


def write(logs, stream, *lines):
    if not logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)["logStreams"]:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000) + index, "message": line} for index, line in enumerate(lines)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_the_last_lines_come_without_colours(logs):
    write(logs, "build", "one", "\x1b[31mtwo\x1b[0m  ")
    assert last_log_lines(logs, (GROUP, "build"), 2) == ["one", "two"]


def test_no_log_yet_is_no_lines(logs):
    assert last_log_lines(logs, (GROUP, "absent")) == []
    assert list(LogFollower(logs).new_lines((GROUP, "absent"))) == []
    assert LogReader("/aws/absent", "job", logs).new_lines() == []


def test_a_job_is_read_from_all_its_hosts_and_from_no_other_job(logs):
    write(logs, "job/algo-2", "second")
    write(logs, "job/algo-1", "first")
    write(logs, "job-2/algo-1", "other")
    assert LogReader(GROUP, "job", logs).new_lines() == [("job/algo-1", "first"), ("job/algo-2", "second")]
