from datetime import UTC, datetime, timedelta

from release.operate.progress import Approval, describe_stage, entry_refusal, pending_approval, running_job

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def action(status: str, start: float, end: float, **output) -> dict:
    return {
        "status": status,
        "startTime": BEGIN + timedelta(seconds=start),
        "lastUpdateTime": BEGIN + timedelta(seconds=end),
        "output": output,
    }


def test_a_stage_lasts_from_its_first_action_to_the_end_of_its_last():
    stage = describe_stage("Check", [action("Succeeded", 0, 5), action("Succeeded", 3, 9)], None)
    assert (stage.status, stage.seconds) == ("Succeeded", 9)


def test_one_failed_action_makes_the_stage_failed_and_its_reason_is_told():
    failed = action("Failed", 1, 2, executionResult={"errorDetails": {"message": "COMMAND_EXECUTION_ERROR"}})
    stage = describe_stage("Check", [action("Succeeded", 0, 5), failed], None)
    assert (stage.status, stage.summary) == ("Failed", "COMMAND_EXECUTION_ERROR")


class CodeBuild:
    """One build, whose log has this place."""

    def __init__(self, **logs):
        self.logs = logs

    def batch_get_builds(self, ids):
        return {"builds": [{"id": ids[0], "logs": self.logs}]}


def test_the_log_of_a_stage_is_that_of_its_build_once_there_is_one():
    build = action("InProgress", 0, 1, executionResult={"externalExecutionId": "moderation-check:1"})
    logging = CodeBuild(groupName="group", streamName="stream")
    assert describe_stage("Check", [build], logging).log == ("group", "stream")
    assert describe_stage("Check", [build], CodeBuild(groupName="group")).log is None


def test_exported_variables_of_all_actions_are_kept():
    first = action("Succeeded", 0, 1, outputVariables={"A": "1"})
    second = action("Succeeded", 0, 1, outputVariables={"B": "2"})
    assert describe_stage("Evaluate", [first, second], None).outputs == {"A": "1", "B": "2"}


class Pipeline:
    """GetPipelineState as CodePipeline answers it: an approval waits in execution 1, execution 2 met the gate."""

    def get_pipeline_state(self, name):
        waiting = {"actionName": "Approve", "latestExecution": {"status": "InProgress", "token": "t"}}
        condition = {"latestExecution": {"status": "Failed", "summary": "GATE is FAIL"}}
        return {
            "stageStates": [
                {"stageName": "Source"},
                {
                    "stageName": "Staging",
                    "inboundExecution": {"pipelineExecutionId": "2"},
                    "beforeEntryConditionState": condition,
                },
                {"stageName": "Approve", "latestExecution": {"pipelineExecutionId": "1"}, "actionStates": [waiting]},
            ]
        }


def test_what_waits_for_a_person_is_found_in_any_execution_or_in_the_one_that_is_meant():
    waiting = Approval("Approve", "Approve", token="t", execution="1")
    assert pending_approval(Pipeline(), "moderation") == waiting
    assert pending_approval(Pipeline(), "moderation", "1") == waiting
    assert pending_approval(Pipeline(), "moderation", "2") is None


def test_a_stage_that_was_not_entered_says_why_to_the_execution_that_it_kept_out():
    assert entry_refusal(Pipeline(), "moderation", "2") == "Staging was not entered: GATE is FAIL"
    assert entry_refusal(Pipeline(), "moderation", "1") == ""


def test_the_running_job_is_found_with_its_last_reported_line():
    class Session:
        def client(self, service):
            return self

        def list_training_jobs(self, NameContains, StatusEquals, SortBy, SortOrder):
            assert (NameContains, StatusEquals) == ("moderation-train-", "InProgress")
            return {"TrainingJobSummaries": [{"TrainingJobName": "m-train-1", "CreationTime": datetime.now()}]}

        def get_paginator(self, operation):
            return self

        def paginate(self, logGroupName, logStreamNamePrefix):
            assert (logGroupName, logStreamNamePrefix) == ("/aws/sagemaker/TrainingJobs", "m-train-1/")
            return [{"logStreams": [{"logStreamName": "m-train-1/algo-1"}]}]

        def get_log_events(self, nextToken=None, **_):
            lines = [] if nextToken else ["noise", "progress step 1 of 2", "noise"]
            return {"events": [{"message": line} for line in lines], "nextForwardToken": "end"}

    assert running_job("moderation", "Train", Session()).last_line == "progress step 1 of 2"
    assert running_job("moderation", "Approve", Session()) is None
