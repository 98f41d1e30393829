"""Log streams in CloudWatch Logs."""

import logging

import pytest
from waiting import wait_until

from emulator.core.logs import LARGEST_BATCH_BYTES, LogStream, batches


def messages(aws, group: str, stream: str) -> list[str]:
    """The lines of a stream; none where there is no such stream yet."""
    logs = aws("logs")
    try:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


def test_lines_can_be_read_while_more_come(aws, cloud):
    stream = LogStream(cloud, "/logs/live", "one")
    stream.write("first")
    wait_until(lambda: messages(aws, "/logs/live", "one") == ["first"])
    stream.write("")
    stream.write("last")
    stream.close()
    assert messages(aws, "/logs/live", "one") == ["first", " ", "last"]


def test_a_stream_that_is_there_goes_on(aws, cloud):
    for line in ("a", "b"):
        stream = LogStream(cloud, "/logs/again", "one")
        stream.write(line)
        stream.close()
    assert messages(aws, "/logs/again", "one") == ["a", "b"]


def test_a_group_that_is_there_needs_nobody_to_make_it(aws, cloud):
    aws("logs").create_log_group(logGroupName="/logs/made")
    stream = LogStream(cloud, "/logs/made", "one")
    stream.write("x")
    stream.close()
    assert messages(aws, "/logs/made", "one") == ["x"]


def test_a_deleted_group_is_reported_once_and_stops_nothing(aws, cloud, caplog):
    stream = LogStream(cloud, "/logs/deleted", "one")
    stream.write("x")
    wait_until(lambda: messages(aws, "/logs/deleted", "one") == ["x"])
    aws("logs").delete_log_group(logGroupName="/logs/deleted")

    def reports() -> list:
        return [record for record in caplog.records if "can't be written" in record.message]

    with caplog.at_level(logging.WARNING):
        stream.write("y")
        wait_until(reports)
        stream.write("z")
        stream.close()
    assert len(reports()) == 1


def test_batches_keep_the_limits_of_the_service():
    events = [{"timestamp": 1, "message": "x" * 100_000} for _ in range(25)] + [{"timestamp": 1, "message": "y"}] * 6000
    cut = batches(events)
    assert [event for batch in cut for event in batch] == events
    assert all(sum(len(event["message"]) + 26 for event in batch) <= LARGEST_BATCH_BYTES for batch in cut)
    assert all(len(batch) <= 10_000 for batch in cut)


@pytest.mark.parametrize(("line", "kept"), [("é" * 150_000, 100_000), ("x" * 300_000, 200_000)])
def test_a_line_that_is_too_long_is_cut_between_characters(aws, cloud, line, kept):
    stream = LogStream(cloud, "/logs/long", str(kept))
    stream.write(line)
    stream.close()
    assert messages(aws, "/logs/long", str(kept)) == [line[:kept]]
