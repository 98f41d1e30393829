import pytest

from release.aws.waiting import Clock
from release.operate import logs
from release.operate.logs import stages_to_show


def test_logs_are_those_of_what_runs_otherwise_of_the_last_stage_that_has_some(stage):
    done, runs, approves = stage("Check"), stage("Train", "InProgress"), stage("Approve", "InProgress", log=None)
    assert stages_to_show([done, runs], None) == [runs]
    assert stages_to_show([done, approves], None) == [done]
    assert stages_to_show([done, runs], "check") == [done]
    with pytest.raises(ValueError, match="no stage 'Deploy' in this execution; found Check, Train"):
        stages_to_show([done, runs], "Deploy")


class Logging:
    """An execution that goes from one moment to the next; a moment is its status, its stages and all log lines."""

    class exceptions:
        ResourceNotFoundException = KeyError

    class meta:
        region_name = "eu-west-1"

    def __init__(self, *moments):
        self.moments, self.now = moments, 0

    def client(self, service):
        return self

    def list_pipeline_executions(self, pipelineName, maxResults):
        return {"pipelineExecutionSummaries": [{"pipelineExecutionId": "e-1", "status": self.moments[0][0]}]}

    def go_on(self):
        self.now = min(self.now + 1, len(self.moments) - 1)

    def get_pipeline_execution(self, pipelineName, pipelineExecutionId):
        assert pipelineExecutionId == "e-1"
        return {"pipelineExecution": {"status": self.moments[self.now][0]}}

    def get_log_events(self, logGroupName, logStreamName, startFromHead, nextToken="0"):
        lines = self.moments[self.now][2].get(logStreamName, [])
        events = [{"message": line} for line in lines[int(nextToken) :]]
        return {"events": events, "nextForwardToken": str(len(lines))}


def test_following_the_logs_drops_the_end_of_no_stage(monkeypatch, capsys, fake_time, stage):
    def at(name, status):
        return stage(name, status, log=("group", name))

    checking, checked, preparing = at("Check", "InProgress"), at("Check", "Succeeded"), at("Prepare", "InProgress")
    aws = Logging(
        ("InProgress", [checking], {"Check": ["c1"]}),
        ("InProgress", [checked, preparing], {"Check": ["c1", "c2"], "Prepare": ["p1"]}),
        ("InProgress", [checked, preparing], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1"]}),
        ("Succeeded", [checked, at("Prepare", "Succeeded")], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1", "p2"]}),
        ("Succeeded", [], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1", "p2", "p3"]}),
    )

    def sleep(seconds):
        fake_time.sleep(seconds)
        aws.go_on()

    monkeypatch.setattr(logs.progress, "stages", lambda *arguments: aws.moments[aws.now][1])
    monkeypatch.setattr(logs.progress, "running_job", lambda *arguments: None)
    assert logs.show_logs(aws, "moderation", None, True, Clock(fake_time.clock, sleep)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["--- Check", "c1", "c2", "--- Prepare", "p1", "--- Check", "c3", "--- Prepare", "p2", "p3"]
