"""One stage as one execution goes through it: its conditions, its actions, and the retry that it does by itself."""

from __future__ import annotations

from emulator.codepipeline.actions import Actions
from emulator.codepipeline.conditions import Conditions
from emulator.codepipeline.records import (
    ABANDONED,
    ERRORED,
    FAILED,
    IN_PROGRESS,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    ActionRun,
    Execution,
    History,
    StageRun,
    now,
)
from emulator.codepipeline.variables import resolve_configuration
from emulator.core.cloud import Cloud

FAILED_ACTIONS, ALL_ACTIONS = "FAILED_ACTIONS", "ALL_ACTIONS"


class StageRunner:
    """Runs the stages of one pipeline; each call runs to the stage's end."""

    def __init__(self, cloud: Cloud, history: History):
        self._cloud = cloud
        self._history = history
        self._actions = Actions(cloud)
        self._conditions = Conditions(cloud, history)

    def run(self, execution: Execution, stage: dict, mode: str) -> tuple[str, str | None]:
        """(status, summary) of the stage, after the one retry that it may do by itself."""
        stage_run = execution.stage_runs[stage["name"]]
        status, summary = self._attempt(execution, stage, stage_run, mode)
        if status == FAILED and retries_by_itself(stage, stage_run):
            mode = stage["onFailure"].get("retryConfiguration", {}).get("retryMode", FAILED_ACTIONS)
            stage_run.automatic_retries += 1
            stage_run.latest_retry = "AutomatedStageRetry"
            status, summary = self._attempt(execution, stage, stage_run, mode)
        return status, summary

    def _attempt(self, execution: Execution, stage: dict, stage_run: StageRun, mode: str) -> tuple[str, str | None]:
        if mode == ALL_ACTIONS:
            stage_run.conditions.clear()
        result = self._conditions.evaluate(execution, stage, stage_run, "beforeEntry")
        if result == "SKIP":
            return SKIPPED, None
        if result is not None:
            return FAILED, f"The condition before stage {stage['name']} failed"
        status = self._run_actions(execution, stage, mode)
        if status == FAILED:
            self._conditions.evaluate(execution, stage, stage_run, "onFailure")
            return FAILED, f"Stage {stage['name']} failed"
        if status != SUCCEEDED:
            return status, execution.stop_reason
        if self._conditions.evaluate(execution, stage, stage_run, "onSuccess") is not None:
            return FAILED, f"The condition after stage {stage['name']} failed"
        return SUCCEEDED, None

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
        with self._history.changed:
            latest = {
                run.name: run.status
                for run in self._history.action_runs
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
        with self._history.changed:
            for run in runs:
                self._take_results(execution, run)
        return runs

    def _new_run(self, execution: Execution, stage_name: str, action: dict) -> ActionRun:
        with self._history.changed:
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
            self._history.action_runs.append(run)
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


def retries_by_itself(stage: dict, stage_run: StageRun) -> bool:
    """Whether a stage that failed is tried once more."""
    return stage.get("onFailure", {}).get("result") == "RETRY" and stage_run.automatic_retries == 0


def rolls_back_by_itself(stage: dict, stage_run: StageRun) -> bool:
    """Whether a stage that failed goes back to its last success."""
    if stage.get("onFailure", {}).get("result") == "ROLLBACK":
        return True
    for when in ("onSuccess", "onFailure"):
        condition = stage_run.conditions.get(when)
        failed = condition is not None and condition.status in (FAILED, ERRORED)
        if failed and stage[when]["conditions"][0].get("result") == "ROLLBACK":
            return True
    return False
