"""Conditions and their rules."""

import pytest

from emulator.codepipeline.conditions import Conditions
from emulator.codepipeline.records import ERRORED, FAILED, OVERRIDDEN, SUCCEEDED, Execution, History, StageRun


@pytest.fixture
def history():
    return History({"name": "p", "version": 1, "stages": []})


def stage(*variables: str) -> dict:
    rules = [
        {
            "name": f"check {variable}",
            "ruleTypeId": {"provider": "VariableCheck"},
            "configuration": {"Variable": variable, "Operator": "EQ", "Value": "yes"},
        }
        for variable in variables
    ]
    return {"name": "S", "beforeEntry": {"conditions": [{"result": "SKIP", "rules": rules}]}}


def evaluated(history, declared: dict, stage_run: StageRun) -> str | None:
    execution = Execution({"roleArn": "r"}, 1, "", "", {"word": "yes"})
    return Conditions(None, history).evaluate(execution, declared, stage_run, "beforeEntry")


@pytest.mark.parametrize(
    ("variables", "result", "status"),
    [
        (("yes", "#{variables.word}"), None, SUCCEEDED),
        (("yes", "no"), "SKIP", FAILED),
        (("#{variables.absent}",), "SKIP", ERRORED),
    ],
)
def test_a_condition_passes_when_all_its_rules_do(history, variables, result, status):
    stage_run = StageRun("e", "STANDARD")
    assert evaluated(history, stage(*variables), stage_run) == result
    assert stage_run.conditions["beforeEntry"].status == status
    assert [run.rule["name"] for run in history.rule_runs] == [f"check {variable}" for variable in variables]


def test_what_passed_or_was_overridden_is_not_evaluated_again(history):
    stage_run = StageRun("e", "STANDARD")
    evaluated(history, stage("no"), stage_run)
    stage_run.conditions["beforeEntry"].end(OVERRIDDEN, "Overridden")
    assert evaluated(history, stage("no"), stage_run) is None
    assert len(history.rule_runs) == 1


def test_no_condition_is_no_obstacle(history):
    assert evaluated(history, {"name": "S"}, StageRun("e", "STANDARD")) is None
