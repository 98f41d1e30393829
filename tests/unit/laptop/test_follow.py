import io

import pytest

from laptop import follow as following
from laptop.follow import follow
from laptop.screen import Screen
from laptop.source import Execution
from release.aws.waiting import Clock
from release.operate.progress import Approval, Stage

APPROVAL = Approval("Approve", "Approve", token="t-1", execution="e-1")


def stage(name, status):
    return Stage(name, status, 2.0, {}, ("group", name), "")


class Emulator:
    """A laptop whose execution goes from one moment to the next: its status, stages, log lines and approval."""

    class exceptions:
        ResourceNotFoundException = KeyError

    def __init__(self, *moments):
        self.moments, self.now = moments, 0

    def client(self, service):
        return self

    def get_pipeline_execution(self, pipelineName, pipelineExecutionId):
        assert (pipelineName, pipelineExecutionId) == ("moderation", "e-1")
        return {"pipelineExecution": {"status": self.moments[self.now][0]}}

    def get_log_events(self, logGroupName, logStreamName, startFromHead, nextToken="0"):
        lines = self.moments[self.now][2].get(logStreamName, [])
        events = [{"message": line} for line in lines[int(nextToken) :]]
        return {"events": events, "nextForwardToken": str(len(lines))}


@pytest.fixture
def followed(monkeypatch, fake_time):
    """followed(moments) -> status and stages at the end, what was shown, which approvals were asked for."""

    def run(*moments, show_logs=False):
        laptop, stream, asked = Emulator(*moments), io.StringIO(), []
        monkeypatch.setattr(following, "stages", lambda *arguments: moments[laptop.now][1])
        monkeypatch.setattr(following, "pending_approval", lambda *arguments: moments[laptop.now][3])

        def sleep(seconds):
            fake_time.sleep(seconds)
            laptop.now += 1

        end = follow(
            laptop,
            Execution("moderation", "e-1", "c0ffee"),
            Screen(stream),
            lambda approval, stages: asked.append(approval.token),
            show_logs=show_logs,
            clock=Clock(fake_time.clock, sleep),
        )
        return end, stream.getvalue(), asked

    return run


def test_each_stage_that_ends_leaves_one_line(followed):
    running, done = stage("Check", "InProgress"), stage("Check", "Succeeded")
    end, shown, _ = followed(
        ("InProgress", [running], {"Check": ["one"]}, None),
        ("InProgress", [done], {"Check": ["one", "two"]}, None),
        ("Succeeded", [done], {"Check": ["one", "two"]}, None),
    )
    assert end == ("Succeeded", [done])
    assert shown.count("Check      succeeded after 2 s") == 1
    assert "two" not in shown


def test_the_logs_are_shown_where_they_were_asked_for(followed):
    done = stage("Check", "Failed")
    _, shown, _ = followed(("Failed", [done], {"Check": ["one", "two"]}, None), show_logs=True)
    assert "Check     one" in shown
    assert "Check     two" in shown


def test_an_approval_is_asked_for_once(followed):
    moment = ("InProgress", [], {}, APPROVAL)
    assert followed(moment, moment, ("Succeeded", [], {}, None))[2] == ["t-1"]
