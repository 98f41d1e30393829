"""One pipeline at work: executions that go from stage to stage, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from emulator.codepipeline.actions import SESSION_NAME, Actions
from emulator.codepipeline.records import (
    ABANDONED,
    ERRORED,
    FAILED,
    IN_PROGRESS,
    OVERRIDDEN,
    ROLLBACK,
    SKIPPED,
    STANDARD,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    SUPERSEDED,
    ActionRun,
    ConditionRun,
    Execution,
    RuleRun,
    Stage,
    StageRun,
    now,
)
from emulator.codepipeline.rules import check_alarm, check_variable
from emulator.codepipeline.variables import resolve_configuration
from emulator.core.errors import AwsError

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

MOST_RUNNING_EXECUTIONS = 50  # CodePipeline's limit in QUEUED and PARALLEL mode
FAILED_ACTIONS, ALL_ACTIONS = "FAILED_ACTIONS", "ALL_ACTIONS"


class Pipeline:
    """A pipeline's versions, executions and stages. All methods may be called from any thread."""

    def __init__(self, cloud: Cloud, declaration: dict):
        self._cloud = cloud
        self._actions = Actions(cloud)
        self.changed = threading.Condition(threading.RLock())  # guards all that follows
        self.declaration = declaration
        self.versions: dict[int, dict] = {declaration["version"]: declaration}
        self.created = self.updated = now()
        self.executions: dict[str, Execution] = {}  # oldest first
        self.action_runs: list[ActionRun] = []  # oldest first
        self.rule_runs: list[RuleRun] = []
        self.stages: dict[str, Stage] = {stage["name"]: Stage(stage["name"]) for stage in declaration["stages"]}

    @property
    def name(self) -> str:
        return self.declaration["name"]

    def update(self, declaration: dict) -> None:
        """Takes the next version; executions under way stay with the one they began with."""
        with self.changed:
            self.declaration = declaration
            self.versions[declaration["version"]] = declaration
            self.updated = now()
            for stage in declaration["stages"]:
                self.stages.setdefault(stage["name"], Stage(stage["name"]))

    def end(self) -> None:
        """Ends all executions at once, without waiting for their actions."""
        with self.changed:
            for execution in self.executions.values():
                execution.stop_requested.set()
                execution.abandoned.set()
            self.changed.notify_all()

    # executions

    def start(
        self,
        trigger_type: str,
        trigger_detail: str,
        variables: dict[str, str] | None = None,
        overrides: dict[str, tuple[str, str]] | None = None,
        pushed_branch: str | None = None,
    ) -> Execution:
        """Starts an execution of the current version.

        `overrides` fixes the revision of source actions: {action name: (COMMIT_ID, ...)}. Raises AwsError for a
        variable without a value or when too many executions run.
        """
        with self.changed:
            declared = {one["name"]: one.get("defaultValue") for one in self.declaration.get("variables", [])}
            if unknown := sorted(set(variables or {}) - set(declared)):
                raise AwsError("ValidationException", f"the pipeline declares no variable {', '.join(unknown)}")
            values = declared | (variables or {})
            if missing := sorted(name for name, value in values.items() if value is None):
                raise AwsError("ValidationException", f"variables without a value: {', '.join(missing)}")
            execution = Execution(
                declaration=self.declaration,
                version=self.declaration["version"],
                trigger_type=trigger_type,
                trigger_detail=trigger_detail,
                variables=values,
                overrides=overrides or {},
                pushed_branch=pushed_branch,
            )
            self._admit(execution)
            self._set_off(execution, self.declaration["stages"][0]["name"])
            return execution

    def stop(self, execution: Execution, abandon: bool, reason: str | None) -> None:
        """Stops an execution; raises AwsError when it does not run (any more)."""
        with self.changed:
            if execution.status not in (IN_PROGRESS, STOPPING):
                raise AwsError(
                    "PipelineExecutionNotStoppableException",
                    f"Pipeline execution {execution.id} is {execution.status} and can't be stopped",
                )
            if execution.status == STOPPING and not abandon:
                raise AwsError("DuplicatedStopRequestException", f"Execution {execution.id} is stopping already")
            execution.stop_reason = reason
            execution.set_status(STOPPING, reason)
            execution.stop_requested.set()
            if abandon:
                execution.abandoned.set()
            self.changed.notify_all()

    def retry(self, execution: Execution, stage_name: str, mode: str) -> None:
        """Goes on with a failed stage. Raises AwsError when it is not one, or a later execution was there since."""
        with self.changed:
            stage_run = self._unsuccessful(execution, stage_name, "StageNotRetryableException")
            stage_run.manual_retries += 1
            stage_run.latest_retry = "ManualStageRetry"
            self._go_on(execution, stage_name, mode)

    def override_condition(self, execution: Execution, stage_name: str, when: str) -> None:
        """Goes on as if the failed condition (beforeEntry or onSuccess) had passed."""
        with self.changed:
            stage_run = self._unsuccessful(execution, stage_name, "ConditionNotOverridableException")
            condition = stage_run.conditions.get(when)
            if condition is None or condition.status not in (FAILED, ERRORED):
                raise AwsError("ConditionNotOverridableException", f"stage {stage_name} has no failed {when} condition")
            condition.end(OVERRIDDEN, "Overridden")
            self._go_on(execution, stage_name, FAILED_ACTIONS)

    def rollback(self, stage_name: str, target: Execution, trigger_type: str, detail: str) -> Execution:
        """Starts an execution that runs one stage again with what `target` ran it with. Raises AwsError."""
        with self.changed:
            if self.declaration.get("executionMode") == "PARALLEL":
                raise AwsError("UnableToRollbackStageException", "a pipeline in PARALLEL mode has no rollback")
            if target.version != self.declaration["version"]:
                raise AwsError(
                    "PipelineExecutionOutdatedException",
                    f"execution {target.id} ran version {target.version} of the pipeline, which is now at version "
                    f"{self.declaration['version']}; a rollback needs the same version",
                )
            stage_run = target.stage_runs.get(stage_name)
            if stage_run is None or stage_run.status != SUCCEEDED or target.type == ROLLBACK:
                raise AwsError(
                    "UnableToRollbackStageException", f"execution {target.id} did not succeed in stage {stage_name}"
                )
            execution = Execution(
                declaration=self.declaration,
                version=target.version,
                trigger_type=trigger_type,
                trigger_detail=detail,
                variables=dict(target.variables),
                type=ROLLBACK,
                rollback_target=target.id,
                artifacts=dict(target.artifacts),
                revisions=dict(target.revisions),
                namespaces={name: dict(values) for name, values in target.namespaces.items()},
            )
            self._admit(execution)
            self._set_off(execution, stage_name)
            return execution

    def _admit(self, execution: Execution) -> None:
        running = sum(one.status in (IN_PROGRESS, STOPPING) for one in self.executions.values())
        if execution.declaration["executionMode"] != "SUPERSEDED" and running >= MOST_RUNNING_EXECUTIONS:
            raise AwsError(
                "ConcurrentPipelineExecutionsLimitExceededException",
                f"{running} executions of {self.name} run or wait; the limit is {MOST_RUNNING_EXECUTIONS}",
            )
        self.executions[execution.id] = execution

    def _unsuccessful(self, execution: Execution, stage_name: str, code: str) -> StageRun:
        if stage_name not in self.stages:
            raise AwsError("StageNotFoundException", f"Stage {stage_name} was not found in pipeline {self.name}")
        stage_run = execution.stage_runs.get(stage_name)
        if stage_run is None or stage_run.status not in (FAILED, STOPPED):
            found = stage_run.status if stage_run else "not begun"
            raise AwsError(code, f"stage {stage_name} of execution {execution.id} is {found}, not Failed")
        if self.stages[stage_name].latest is not stage_run:
            raise AwsError(
                "NotLatestPipelineExecutionException",
                f"a later execution than {execution.id} has been in stage {stage_name}",
            )
        return stage_run

    def _go_on(self, execution: Execution, stage_name: str, mode: str) -> None:
        execution.stop_requested.clear()
        execution.abandoned.clear()
        execution.set_status(IN_PROGRESS)
        execution.stage_runs[stage_name].status = IN_PROGRESS
        self._set_off(execution, stage_name, mode)

    def _set_off(self, execution: Execution, stage_name: str, mode: str = FAILED_ACTIONS) -> None:
        # In the line before the thread runs: executions keep the order of their start.
        self._queue(execution, stage_name)
        self._cloud.background(self._drive, execution, stage_name, mode)

    def _drive(self, execution: Execution, stage_name: str, mode: str) -> None:
        names = [stage["name"] for stage in execution.declaration["stages"]]
        remaining = names[names.index(stage_name) :]
        if execution.type == ROLLBACK:
            remaining = [stage_name]
        try:
            for position, name in enumerate(remaining):
                if not self._enter(execution, name):
                    return
                following = remaining[position + 1] if position + 1 < len(remaining) else None
                went_on = False
                try:
                    went_on = self._run_stage(execution, name, mode)
                finally:
                    self._leave(execution, name, following if went_on else None)
                if not went_on:
                    return
                mode = FAILED_ACTIONS
            with self.changed:
                execution.set_status(SUCCEEDED)
        except Exception:
            with self.changed:
                execution.set_status(FAILED, "The emulator failed; see its log")
            raise

    # stages

    def _queue(self, execution: Execution, stage_name: str) -> None:
        stage = self.stages[stage_name]
        if execution.declaration["executionMode"] == "SUPERSEDED":
            for older in stage.waiting:
                older.set_status(SUPERSEDED, f"Superseded by {execution.id}")
            stage.waiting.clear()
        stage.waiting.append(execution)
        self.changed.notify_all()

    def _enter(self, execution: Execution, stage_name: str) -> bool:
        """Waits for the stage; False when the execution was stopped or superseded meanwhile."""
        stage = self.stages[stage_name]
        parallel = execution.declaration["executionMode"] == "PARALLEL"

        def may_go() -> bool:
            if execution.stop_requested.is_set() or execution.status == SUPERSEDED:
                return True
            return stage.enabled and (parallel or (stage.occupant is None and stage.waiting[0] is execution))

        with self.changed:
            self.changed.wait_for(may_go)
            if execution in stage.waiting:
                stage.waiting.remove(execution)
                self.changed.notify_all()
            if execution.status == SUPERSEDED:
                return False
            if execution.stop_requested.is_set():
                execution.set_status(STOPPED, execution.stop_reason)
                return False
            if not parallel:
                stage.occupant = execution.id
            stage_run = execution.stage_runs.setdefault(stage_name, StageRun(execution.id, execution.type))
            stage_run.status = IN_PROGRESS
            stage.latest = stage_run
            return True

    def _leave(self, execution: Execution, stage_name: str, following: str | None) -> None:
        with self.changed:
            if self.stages[stage_name].occupant == execution.id:
                self.stages[stage_name].occupant = None
            if following is not None:
                self._queue(execution, following)
            self.changed.notify_all()

    def _run_stage(self, execution: Execution, stage_name: str, mode: str) -> bool:
        """Runs one stage; True when the execution goes on with the next one."""
        stage = next(one for one in execution.declaration["stages"] if one["name"] == stage_name)
        stage_run = execution.stage_runs[stage_name]
        while True:
            status, summary = self._attempt(execution, stage, stage_run, mode)
            if status == FAILED and self._retries_by_itself(stage, stage_run):
                mode = stage["onFailure"].get("retryConfiguration", {}).get("retryMode", FAILED_ACTIONS)
                stage_run.automatic_retries += 1
                stage_run.latest_retry = "AutomatedStageRetry"
                continue
            break
        with self.changed:
            stage_run.status = status
            if status in (SUCCEEDED, SKIPPED):
                return True
            execution.set_status(status, summary)
        if status == FAILED:
            self._roll_back_by_itself(execution, stage, stage_run)
        return False

    def _attempt(self, execution: Execution, stage: dict, stage_run: StageRun, mode: str) -> tuple[str, str | None]:
        if mode == ALL_ACTIONS:
            stage_run.conditions.clear()
        result = self._condition(execution, stage, stage_run, "beforeEntry")
        if result == "SKIP":
            return SKIPPED, None
        if result is not None:
            return FAILED, f"The condition before stage {stage['name']} failed"
        status = self._run_actions(execution, stage, mode)
        if status == FAILED:
            self._condition(execution, stage, stage_run, "onFailure")
            return FAILED, f"Stage {stage['name']} failed"
        if status != SUCCEEDED:
            return status, execution.stop_reason
        if self._condition(execution, stage, stage_run, "onSuccess") is not None:
            return FAILED, f"The condition after stage {stage['name']} failed"
        return SUCCEEDED, None

    def _retries_by_itself(self, stage: dict, stage_run: StageRun) -> bool:
        return stage.get("onFailure", {}).get("result") == "RETRY" and stage_run.automatic_retries == 0

    def _roll_back_by_itself(self, execution: Execution, stage: dict, stage_run: StageRun) -> None:
        wanted = stage.get("onFailure", {}).get("result") == "ROLLBACK"
        for when in ("onSuccess", "onFailure"):
            condition = stage_run.conditions.get(when)
            if condition is not None and condition.status in (FAILED, ERRORED):
                wanted = wanted or _result_of(stage, when) == "ROLLBACK"
        if not wanted or execution.type == ROLLBACK:
            return
        with self.changed:
            earlier = [
                one
                for one in self.executions.values()
                if one.type == STANDARD
                and one.version == self.declaration["version"]
                and one.stage_runs.get(stage["name"], stage_run).status == SUCCEEDED
            ]
            if not earlier:
                log.warning("pipeline %s: no earlier success of stage %s to roll back to", self.name, stage["name"])
                return
            self.rollback(stage["name"], earlier[-1], "AutomatedRollback", execution.id)

    # actions

    def _run_actions(self, execution: Execution, stage: dict, mode: str) -> str:
        done = set() if mode == ALL_ACTIONS else self._succeeded_actions(execution, stage["name"])
        for order in sorted({action["runOrder"] for action in stage["actions"]}):
            group = [a for a in stage["actions"] if a["runOrder"] == order and a["name"] not in done]
            if not group:
                continue
            if execution.stop_requested.is_set():
                return STOPPED
            runs = self._run_group(execution, stage["name"], group)
            statuses = {run.status for run in runs}
            if ABANDONED in statuses:
                return STOPPED
            if FAILED in statuses:
                return STOPPED if execution.stop_requested.is_set() else FAILED
        # A stop that came during the last action ends the execution all the same.
        return STOPPED if execution.stop_requested.is_set() else SUCCEEDED

    def _succeeded_actions(self, execution: Execution, stage_name: str) -> set[str]:
        with self.changed:
            latest = {
                run.name: run.status
                for run in self.action_runs
                if run.execution_id == execution.id and run.stage == stage_name
            }
        return {name for name, status in latest.items() if status == SUCCEEDED}

    def _run_group(self, execution: Execution, stage_name: str, group: list[dict]) -> list[ActionRun]:
        runs = [self._new_run(execution, stage_name, action) for action in group]
        threads = [
            self._cloud.background(self._actions.perform, execution, run) for run in runs if run.status == IN_PROGRESS
        ]
        for thread in threads:
            thread.join()
        with self.changed:
            for run in runs:
                self._take_results(execution, run)
        return runs

    def _new_run(self, execution: Execution, stage_name: str, action: dict) -> ActionRun:
        with self.changed:
            inputs = {
                artifact["name"]: execution.artifacts[artifact["name"]]
                for artifact in action["inputArtifacts"]
                if artifact["name"] in execution.artifacts
            }
            run = ActionRun(execution.id, stage_name, action, {}, inputs)
            try:
                run.resolved_configuration = resolve_configuration(
                    action["configuration"], execution.visible_namespaces()
                )
            except ValueError as error:
                run.end(FAILED, code="ConfigurationError", message=str(error))
            if missing := {artifact["name"] for artifact in action["inputArtifacts"]} - set(inputs):
                run.end(FAILED, code="ConfigurationError", message=f"no artifact {', '.join(sorted(missing))}")
            self.action_runs.append(run)
            return run

    def _take_results(self, execution: Execution, run: ActionRun) -> None:
        if run.status != SUCCEEDED:
            return
        execution.artifacts |= run.outputs
        execution.changed = now()
        if run.revision is not None:
            execution.revisions[run.name] = (next(iter(run.outputs)), run.revision)
        if namespace := run.action.get("namespace"):
            execution.namespaces[namespace] = dict(run.variables)

    # conditions

    def _condition(self, execution: Execution, stage: dict, stage_run: StageRun, when: str) -> str | None:
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
        with self.changed:
            self.rule_runs.append(run)
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


def _result_of(stage: dict, when: str) -> str | None:
    return stage[when]["conditions"][0].get("result")
