"""Follows one pipeline execution: what each stage does, for how long, and the last line of its log."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from release.screen import Screen

ENDED = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


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


class LogFollower:
    """Reads a log stream forward; each call of `new_lines` gives what came since the last one."""

    def __init__(self, logs):
        self.logs = logs
        self._tokens: dict[tuple[str, str], str] = {}

    def new_lines(self, stream: tuple[str, str]) -> Iterator[str]:
        while True:
            token = self._tokens.get(stream)
            try:
                page = self.logs.get_log_events(
                    logGroupName=stream[0],
                    logStreamName=stream[1],
                    startFromHead=True,
                    **({"nextToken": token} if token else {}),
                )
            except self.logs.exceptions.ResourceNotFoundException:
                return
            self._tokens[stream] = page["nextForwardToken"]
            for event in page["events"]:
                yield ANSI.sub("", event["message"].rstrip())
            if not page["events"]:
                return


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


def follow(
    clients: Callable[[str], object],
    pipeline: str,
    execution_id: str,
    screen: Screen,
    on_approval: Callable[[dict, list[Stage]], None],
    show_logs: bool = False,
) -> tuple[str, list[Stage]]:
    """Prints progress until the execution ends; calls `on_approval` once for each approval token.

    Returns (status of the execution, its stages).
    """
    codepipeline, codebuild = clients("codepipeline"), clients("codebuild")
    follower = LogFollower(clients("logs"))
    shown: dict[str, str] = {}
    answered: set[str] = set()
    while True:
        execution = codepipeline.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution_id)
        status = execution["pipelineExecution"]["status"]
        current = stages(codepipeline, codebuild, pipeline, execution_id)
        for stage in current:
            last_line = ""
            if stage.log and shown.get(stage.name) != stage.status:
                for line in follower.new_lines(stage.log):
                    if line.strip():
                        last_line = line.strip()
                    if show_logs:
                        screen.block(f"        {stage.name:<9} {line}")
            if stage.status == "InProgress":
                if last_line:
                    screen.moving(f"{stage.name:<10} {stage.seconds:4.0f} s  {last_line}")
            elif shown.get(stage.name) != stage.status:
                screen.line(f"{stage.name:<10} {stage.status.lower()} after {stage.seconds:.0f} s")
                shown[stage.name] = stage.status
        if status in ENDED:
            return status, current
        approval = pending_approval(codepipeline, pipeline, execution_id)
        if approval and approval["token"] not in answered:
            answered.add(approval["token"])
            on_approval(approval, current)
        time.sleep(0.5)


def last_log_lines(logs, stream: tuple[str, str], count: int = 20) -> list[str]:
    """The last lines of a log stream; empty when there is no such stream."""
    try:
        page = logs.get_log_events(logGroupName=stream[0], logStreamName=stream[1], limit=count, startFromHead=False)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [ANSI.sub("", event["message"].rstrip()) for event in page["events"]]
