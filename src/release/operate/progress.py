"""Follows one pipeline execution: what each stage does, for how long, and the last line of its log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

ENDED = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"}


@dataclass(frozen=True)
class Stage:
    """One stage of one execution."""

    name: str
    status: str
    """InProgress, Succeeded, Failed or Abandoned, as ListActionExecutions says of its latest actions."""
    seconds: float
    """From the start of its first action to the end, or the latest change, of its last."""
    outputs: dict[str, str]
    """Variables that its actions exported."""
    log: tuple[str, str] | None
    """Log group and stream of its build."""
    summary: str
    """What the failed action said."""


def stages(codepipeline, codebuild, pipeline: str, execution_id: str) -> list[Stage]:
    """The stages that this execution has entered, in order."""
    details = []
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution_id}
    )
    for page in pages:
        details += page["actionExecutionDetails"]
    latest: dict[tuple[str, str], dict] = {}
    for detail in sorted(details, key=lambda d: d["startTime"]):
        latest[detail["stageName"], detail["actionName"]] = detail
    by_stage: dict[str, list[dict]] = {}
    for (stage, _), detail in latest.items():
        by_stage.setdefault(stage, []).append(detail)
    return [describe_stage(name, actions, codebuild) for name, actions in by_stage.items()]


def describe_stage(name: str, actions: list[dict], codebuild) -> Stage:
    statuses = {action["status"] for action in actions}
    status = next((s for s in ("Failed", "InProgress", "Abandoned") if s in statuses), "Succeeded")
    begin = min(action["startTime"] for action in actions)
    end = max(action["lastUpdateTime"] for action in actions)
    if status == "InProgress":
        end = datetime.now(begin.tzinfo)
    outputs, log, summary = {}, None, ""
    for action in actions:
        output = action.get("output", {})
        outputs |= output.get("outputVariables", {})
        result = output.get("executionResult", {})
        if action["status"] == "Failed":
            summary = (result.get("errorDetails") or {}).get("message") or result.get("externalExecutionSummary", "")
        if (build_id := result.get("externalExecutionId")) and ":" in build_id:
            builds = codebuild.batch_get_builds(ids=[build_id])["builds"]
            logs = builds[0].get("logs", {}) if builds else {}
            if logs.get("groupName") and logs.get("streamName"):
                log = logs["groupName"], logs["streamName"]
    return Stage(name, status, max((end - begin).total_seconds(), 0.0), outputs, log, summary)


def outputs_of(stages: Iterable[Stage]) -> dict[str, str]:
    """All exported variables of an execution, later stages last."""
    merged: dict[str, str] = {}
    for stage in stages:
        merged |= stage.outputs
    return merged


def pending_approval(codepipeline, pipeline: str, execution_id: str | None = None) -> dict[str, str] | None:
    """`{"stage", "action", "token", "execution"}` of what waits for a person, in any execution or in one; else None."""
    for stage in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
        execution = stage.get("latestExecution", {}).get("pipelineExecutionId", "")
        if execution_id not in (None, execution):
            continue
        for action in stage.get("actionStates", []):
            latest = action.get("latestExecution", {})
            if latest.get("status") == "InProgress" and latest.get("token"):
                return {
                    "stage": stage["stageName"],
                    "action": action["actionName"],
                    "token": latest["token"],
                    "execution": execution,
                }
    return None


def entry_refusal(codepipeline, pipeline: str, execution_id: str) -> str:
    """Why a stage was not entered, for example because the gate said FAIL; or an empty text."""
    for stage in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
        condition = stage.get("beforeEntryConditionState", {}).get("latestExecution", {})
        tried = stage.get("inboundExecution") or stage.get("latestExecution") or {}
        if condition.get("status") == "Failed" and tried.get("pipelineExecutionId") == execution_id:
            return f"{stage['stageName']} was not entered: {condition.get('summary', 'its entry condition failed')}"
    return ""
