"""One pipeline at work: executions that go from stage to stage, each in a thread of its own."""

from __future__ import annotations

import logging

from emulator.codepipeline.records import (
    ERRORED,
    FAILED,
    IN_PROGRESS,
    OVERRIDDEN,
    ROLLBACK,
    SKIPPED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    SUPERSEDED,
    Execution,
    History,
    Stage,
    StageRun,
    now,
)
from emulator.codepipeline.stage_runner import FAILED_ACTIONS, StageRunner, rolls_back_by_itself
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError

log = logging.getLogger(__name__)

MOST_RUNNING_EXECUTIONS = 50  # CodePipeline's limit in QUEUED and PARALLEL mode


class Pipeline(History):
    """A pipeline's versions, executions and stages. All methods may be called from any thread."""

    def __init__(self, cloud: Cloud, declaration: dict):
        super().__init__(declaration)
        self._cloud = cloud
        self._stage_runner = StageRunner(cloud, self)

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
        status, summary = self._stage_runner.run(execution, stage, mode)
        with self.changed:
            stage_run.status = status
            if status in (SUCCEEDED, SKIPPED):
                return True
            execution.set_status(status, summary)
        if status == FAILED and execution.type != ROLLBACK and rolls_back_by_itself(stage, stage_run):
            self._roll_back_by_itself(execution, stage_name)
        return False

    def _roll_back_by_itself(self, execution: Execution, stage_name: str) -> None:
        with self.changed:
            earlier = self.last_success(stage_name)
            if earlier is None:
                log.warning("pipeline %s: no earlier success of stage %s to roll back to", self.name, stage_name)
                return
            self.rollback(stage_name, earlier, "AutomatedRollback", execution.id)
