"""Actions of a pipeline, by themselves."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.actions import Actions, build_failure
from emulator.codepipeline.records import ActionRun, Execution

APPROVAL = {
    "name": "Approve",
    "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
}


def test_an_approval_that_nobody_gives_in_time_fails(cloud):
    execution = Execution({"name": "p", "roleArn": "r"}, 1, "StartPipelineExecution", "", {})
    run = ActionRun(execution.id, "Approve", APPROVAL | {"timeoutInMinutes": 0}, {}, {})
    Actions(cloud).perform(execution, run)
    assert (run.status, run.error_code) == ("Failed", "TimeoutError")
    assert "Nobody approved or rejected within 0 minutes" in run.error_message


def test_an_error_of_the_emulator_fails_the_action_instead_of_hanging_the_pipeline(tmp_path):
    broken = SimpleNamespace(directory=lambda name: tmp_path)
    execution = Execution({"name": "p", "roleArn": "r"}, 1, "StartPipelineExecution", "", {})
    build = {"name": "Build", "actionTypeId": APPROVAL["actionTypeId"] | {"provider": "CodeBuild"}}
    run = ActionRun(execution.id, "Build", build, {}, {})
    Actions(broken).perform(execution, run)
    assert (run.status, run.error_code) == ("Failed", "InternalError")


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        (
            [
                {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED"},
                {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "C", "message": "why"}]},
                {"phaseType": "POST_BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "later"}]},
            ],
            "Build terminated with state: FAILED. Phase: BUILD, Code: C, Message: why",
        ),
        ([{"phaseType": "COMPLETED"}], "Build terminated with state: FAILED"),
    ],
)
def test_the_first_phase_that_failed_says_why(phases, said):
    assert build_failure({"buildStatus": "FAILED", "phases": phases}) == said
