"""The conditions before and after a stage, and the rules that they are made of."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from emulator.codepipeline.actions import SESSION_NAME
from emulator.codepipeline.records import (
    ERRORED,
    FAILED,
    OVERRIDDEN,
    SUCCEEDED,
    ConditionRun,
    Execution,
    History,
    RuleRun,
    StageRun,
)
from emulator.codepipeline.rules import check_alarm, check_variable
from emulator.codepipeline.variables import resolve_configuration
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError


class Conditions:
    """Evaluates the conditions of one pipeline's stages."""

    def __init__(self, cloud: Cloud, history: History):
        self._cloud = cloud
        self._history = history

    def evaluate(self, execution: Execution, stage: dict, stage_run: StageRun, when: str) -> str | None:
        """Evaluates the condition; None when it passes (or there is none), else its result: FAIL, SKIP, ..."""
        declared = stage.get(when, {}).get("conditions", [])
        earlier = stage_run.conditions.get(when)
        if not declared or (earlier is not None and earlier.status in (SUCCEEDED, OVERRIDDEN)):
            return None
        condition = ConditionRun()
        stage_run.conditions[when] = condition
        for rule in declared[0].get("rules", []):
            condition.rules.append(self._rule(execution, stage["name"], rule))
        failed = [run for run in condition.rules if run.status != SUCCEEDED]
        if not failed:
            condition.end(SUCCEEDED, "All rules passed")
            return None
        reasons = "; ".join(f"{run.rule['name']}: {run.summary}" for run in failed)
        condition.end(ERRORED if any(run.error_code for run in failed) else FAILED, reasons)
        return declared[0].get("result", "FAIL")

    def _rule(self, execution: Execution, stage_name: str, rule: dict) -> RuleRun:
        run = RuleRun(execution.id, stage_name, rule, {})
        with self._history.changed:
            self._history.rule_runs.append(run)
        try:
            run.resolved_configuration = resolve_configuration(rule["configuration"], execution.visible_namespaces())
            passed, summary = self._evaluate(execution, rule, run.resolved_configuration)
            run.end(SUCCEEDED if passed else FAILED, summary)
        except (ValueError, AwsError, ClientError, BotoCoreError) as error:
            run.end(FAILED, str(error), code="RuleExecutionError")
        return run

    def _evaluate(self, execution: Execution, rule: dict, configuration: dict[str, str]) -> tuple[bool, str]:
        if rule["ruleTypeId"]["provider"] == "VariableCheck":
            return check_variable(configuration["Variable"], configuration["Operator"], configuration["Value"])
        role_arn = rule.get("roleArn", execution.declaration["roleArn"])
        wait_seconds = self._cloud.scaled(60 * float(configuration.get("WaitTime", 0)))
        cloudwatch = self._cloud.client("cloudwatch", role_arn=role_arn, session_name=SESSION_NAME)
        ended: Callable[[], bool] = execution.abandoned.is_set
        return check_alarm(cloudwatch, configuration, wait_seconds, ended)
