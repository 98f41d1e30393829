"""The operations on executions, with a pipeline that does not run."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.engine import Pipeline
from emulator.codepipeline.executions import Executions
from emulator.codepipeline.records import ActionRun
from emulator.core.access import Caller
from emulator.core.errors import AwsError

CALLER = Caller("arn:caller", None, "AKIA")
APPROVE = {"name": "Approve", "actionTypeId": {"provider": "Manual"}, "configuration": {}}


@pytest.fixture
def pipeline(cloud, tmp_path):
    still = SimpleNamespace(background=lambda *_: None, directory=lambda name: tmp_path, now=cloud.now)
    declaration = {
        "name": "p",
        "version": 1,
        "executionMode": "QUEUED",
        "stages": [
            {"name": "Source", "actions": [{"name": "Fetch", "actionTypeId": {"provider": "S3"}}]},
            {"name": "Gate", "actions": [APPROVE]},
        ],
    }
    return Pipeline(still, declaration)


@pytest.fixture
def executions(cloud, pipeline):
    return Executions(cloud, SimpleNamespace(find=lambda name: pipeline))


def waiting_approval(pipeline) -> ActionRun:
    execution = pipeline.start("t", "d")
    run = ActionRun(execution.id, "Gate", APPROVE, {}, {})
    run.token = "token"
    pipeline.action_runs.append(run)
    return run


def answer(**members) -> dict:
    given = {"pipelineName": "p", "stageName": "Gate", "actionName": "Approve", "token": "token"}
    return given | {"result": {"summary": "looked", "status": "Approved"}} | members


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"stageName": "Nowhere"}, "StageNotFoundException"),
        ({"actionName": "Other"}, "ActionNotFoundException"),
        ({"token": "old"}, "InvalidApprovalTokenException"),
    ],
)
def test_an_approval_is_answered_by_stage_action_and_token(executions, pipeline, members, code):
    run = waiting_approval(pipeline)
    with pytest.raises(AwsError) as refusal:
        executions.put_approval_result(answer(**members), CALLER)
    assert refusal.value.code == code
    assert not run.decided.is_set()


def test_an_approval_is_given_once(executions, pipeline):
    run = waiting_approval(pipeline)
    executions.put_approval_result(answer(), CALLER)
    assert (run.decision, run.summary, run.updated_by) == ("Approved", "looked", "arn:caller")
    with pytest.raises(AwsError, match="completed already"):
        executions.put_approval_result(answer(), CALLER)


def test_a_revision_must_be_that_of_a_source_action(executions):
    revision = {"actionName": "Approve", "revisionType": "COMMIT_ID", "revisionValue": "1"}
    with pytest.raises(AwsError, match="there is no source action Approve; source actions: Fetch"):
        executions.start_pipeline_execution({"name": "p", "sourceRevisions": [revision]}, CALLER)


def test_only_the_transition_into_a_stage_can_be_switched(executions, pipeline):
    request = {"pipelineName": "p", "stageName": "Gate", "transitionType": "Inbound", "reason": "frozen"}
    executions.disable_stage_transition(request, CALLER)
    state = executions.get_pipeline_state({"name": "p"}, CALLER)["stageStates"][1]["inboundTransitionState"]
    assert (state["enabled"], state["disabledReason"], state["lastChangedBy"]) == (False, "frozen", "arn:caller")
    with pytest.raises(AwsError, match="use Inbound"):
        executions.enable_stage_transition(request | {"transitionType": "Outbound"}, CALLER)


def test_an_execution_that_is_not_there_is_named(executions):
    with pytest.raises(AwsError, match="The pipeline execution was not found: e"):
        executions.get_pipeline_execution({"pipelineName": "p", "pipelineExecutionId": "e"}, CALLER)
