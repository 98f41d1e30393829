"""What a pipeline refuses, without any of its actions run."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.engine import MOST_RUNNING_EXECUTIONS, Pipeline
from emulator.codepipeline.records import FAILED, STOPPED, SUCCEEDED, StageRun
from emulator.core.errors import AwsError


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline whose executions never leave: nothing runs in the background."""
    cloud = SimpleNamespace(background=lambda *_: None, directory=lambda name: tmp_path)
    declaration = {
        "name": "p",
        "version": 1,
        "executionMode": "QUEUED",
        "stages": [{"name": "Source", "actions": []}, {"name": "Build", "actions": []}],
        "variables": [{"name": "word"}, {"name": "other", "defaultValue": "d"}],
    }
    return Pipeline(cloud, declaration)


def code_of(call, *arguments) -> str:
    with pytest.raises(AwsError) as refusal:
        call(*arguments)
    return refusal.value.code


def test_a_variable_needs_a_value_and_a_declaration(pipeline):
    with pytest.raises(AwsError, match="variables without a value: word"):
        pipeline.start("t", "d")
    with pytest.raises(AwsError, match="declares no variable unknown"):
        pipeline.start("t", "d", {"unknown": "x"})
    assert pipeline.start("t", "d", {"word": "w"}).variables == {"word": "w", "other": "d"}


def test_executions_wait_in_the_order_of_their_start_up_to_the_limit(pipeline):
    started = [pipeline.start("t", "d", {"word": "w"}) for _ in range(MOST_RUNNING_EXECUTIONS)]
    assert pipeline.stages["Source"].waiting == started
    assert code_of(pipeline.start, "t", "d", {"word": "w"}) == "ConcurrentPipelineExecutionsLimitExceededException"


def test_only_what_runs_can_be_stopped_and_only_once(pipeline):
    execution = pipeline.start("t", "d", {"word": "w"})
    pipeline.stop(execution, False, "why")
    assert code_of(pipeline.stop, execution, False, "again") == "DuplicatedStopRequestException"
    pipeline.stop(execution, True, "now")
    assert execution.abandoned.is_set()
    execution.set_status(STOPPED)
    assert code_of(pipeline.stop, execution, True, "late") == "PipelineExecutionNotStoppableException"


def test_only_a_failed_stage_can_be_retried(pipeline):
    execution = pipeline.start("t", "d", {"word": "w"})
    assert code_of(pipeline.retry, execution, "Nowhere", "ALL_ACTIONS") == "StageNotFoundException"
    assert code_of(pipeline.retry, execution, "Build", "ALL_ACTIONS") == "StageNotRetryableException"
    execution.stage_runs["Build"] = StageRun(execution.id, execution.type, status=FAILED)
    assert code_of(pipeline.retry, execution, "Build", "ALL_ACTIONS") == "NotLatestPipelineExecutionException"


def test_a_rollback_needs_a_success_of_the_same_version(pipeline):
    execution = pipeline.start("t", "d", {"word": "w"})
    assert code_of(pipeline.rollback, "Build", execution, "t", "d") == "UnableToRollbackStageException"
    execution.stage_runs["Build"] = StageRun(execution.id, execution.type, status=SUCCEEDED)
    assert pipeline.rollback("Build", execution, "t", "d").rollback_target == execution.id
    pipeline.update(pipeline.declaration | {"version": 2})
    assert code_of(pipeline.rollback, "Build", execution, "t", "d") == "PipelineExecutionOutdatedException"
