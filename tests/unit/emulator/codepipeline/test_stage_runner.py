"""What a stage does by itself once it failed."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.records import FAILED, SKIPPED, SUCCEEDED, ConditionRun, Execution, History, StageRun
from emulator.codepipeline.stage_runner import StageRunner, retries_by_itself, rolls_back_by_itself

STAGE = {"name": "S", "actions": []}


@pytest.fixture
def runner(tmp_path):
    cloud = SimpleNamespace(directory=lambda name: tmp_path, background=None)
    return StageRunner(cloud, History({"name": "p", "version": 1, "stages": [STAGE]}))


def execution() -> Execution:
    made = Execution({"roleArn": "r"}, 1, "", "", {})
    made.stage_runs["S"] = StageRun(made.id, made.type)
    return made


def condition(variable: str, result: str) -> dict:
    rule = {
        "name": "check",
        "ruleTypeId": {"provider": "VariableCheck"},
        "configuration": {"Variable": variable, "Operator": "EQ", "Value": "yes"},
    }
    return {"conditions": [{"result": result, "rules": [rule]}]}


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, SUCCEEDED),
        ({"beforeEntry": condition("yes", "SKIP")}, SUCCEEDED),
        ({"beforeEntry": condition("no", "SKIP")}, SKIPPED),
        ({"beforeEntry": condition("no", "FAIL")}, FAILED),
        ({"onSuccess": condition("no", "FAIL")}, FAILED),
    ],
)
def test_conditions_decide_what_becomes_of_a_stage(runner, members, status):
    assert runner.run(execution(), STAGE | members, "FAILED_ACTIONS")[0] == status


def test_a_stage_retries_itself_once(runner):
    going = execution()
    stage = STAGE | {"beforeEntry": condition("no", "FAIL"), "onFailure": {"result": "RETRY"}}
    assert runner.run(going, stage, "FAILED_ACTIONS")[0] == FAILED
    assert (going.stage_runs["S"].automatic_retries, going.stage_runs["S"].latest_retry) == (1, "AutomatedStageRetry")
    assert not retries_by_itself(stage, going.stage_runs["S"])


def test_a_stage_rolls_back_when_it_says_so_or_its_condition_does():
    stage_run = StageRun("e", "STANDARD")
    assert rolls_back_by_itself(STAGE | {"onFailure": {"result": "ROLLBACK"}}, stage_run)
    alarmed = STAGE | {"onSuccess": condition("no", "ROLLBACK")}
    assert not rolls_back_by_itself(alarmed, stage_run)
    stage_run.conditions["onSuccess"] = ConditionRun(status=FAILED)
    assert rolls_back_by_itself(alarmed, stage_run)
    assert not rolls_back_by_itself(STAGE | {"onSuccess": condition("no", "FAIL")}, stage_run)
