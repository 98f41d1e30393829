import io
from datetime import UTC, datetime, timedelta

from laptop.screen import Screen, clock
from release.operate.progress import describe_stage, entry_refusal, pending_approval

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
    found = {"stage": "Approve", "action": "Approve", "token": "t", "execution": "1"}
    assert pending_approval(Pipeline(), "moderation") == found
    assert pending_approval(Pipeline(), "moderation", "1") == found
    assert pending_approval(Pipeline(), "moderation", "2") is None


def test_a_stage_that_was_not_entered_says_why_to_the_execution_that_it_kept_out():
    assert entry_refusal(Pipeline(), "moderation", "2") == "Staging was not entered: GATE is FAIL"
    assert entry_refusal(Pipeline(), "moderation", "1") == ""


def test_without_a_terminal_moving_lines_are_thinned_out():
    stream = io.StringIO()
    screen = Screen(stream)
    for number in range(100):
        screen.moving(f"step {number}")
    assert stream.getvalue() == ""
    screen.seconds_between_moving_lines = 0
    screen.moving("step 100")
    assert "step 100" in stream.getvalue()


def test_elapsed_time_reads_as_minutes_and_seconds():
    assert clock(75.2) == "1:15"
