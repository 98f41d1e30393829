"""Follows one pipeline execution: what each stage does and for how long, its job, and what waits for a person."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from release.aws.jobs import PROCESSING, REPORTED_LINE, TRAINING, JobKind
from release.aws.logs import LogReader, LogStream

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_codepipeline import CodePipelineClient
    from mypy_boto3_codepipeline.type_defs import ActionExecutionDetailTypeDef
    from mypy_boto3_sagemaker import SageMakerClient

ENDED = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"}
# The stage whose build waits for a job, and what follows the project's name in that job's name
STAGE_JOBS = {
    "Prepare": (PROCESSING, "-prepare-"),
    "Train": (TRAINING, "-train-"),
    "Evaluate": (PROCESSING, "-evaluate-"),
}


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
    log: LogStream | None
    """Of its build."""
    summary: str
    """What the failed action said."""


@dataclass(frozen=True)
class Approval:
    """What waits for a person."""

    stage: str
    action: str
    token: str
    """Of this approval and no other; the answer carries it."""
    execution: str
    """Id of the pipeline's execution."""


@dataclass(frozen=True)
class RunningJob:
    """A SageMaker job that a stage waits for."""

    kind: JobKind
    name: str
    seconds: float
    last_line: str
    """The last metric or progress line it wrote; otherwise empty."""


def stages(
    codepipeline: CodePipelineClient, codebuild: CodeBuildClient, pipeline: str, execution_id: str
) -> list[Stage]:
    """The stages that this execution has entered, in order."""
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution_id}
    )
    details = [detail for page in pages for detail in page["actionExecutionDetails"]]
    latest: dict[tuple[str, str], ActionExecutionDetailTypeDef] = {}
    for detail in sorted(details, key=lambda detail: detail["startTime"]):
        latest[detail["stageName"], detail["actionName"]] = detail

    by_stage: dict[str, list[ActionExecutionDetailTypeDef]] = {}
    for (stage, _), detail in latest.items():
        by_stage.setdefault(stage, []).append(detail)
    return [describe_stage(name, actions, codebuild) for name, actions in by_stage.items()]


def describe_stage(name: str, actions: Sequence[ActionExecutionDetailTypeDef], codebuild: CodeBuildClient) -> Stage:
    """A stage by the latest execution of each of its actions."""
    statuses = {action["status"] for action in actions}
    status = next((each for each in ("Failed", "InProgress", "Abandoned") if each in statuses), "Succeeded")
    begin = min(action["startTime"] for action in actions)
    end = max(action["lastUpdateTime"] for action in actions)
    if status == "InProgress":
        end = datetime.now(begin.tzinfo)

    outputs: dict[str, str] = {}
    log, summary = None, ""
    for action in actions:
        output = action.get("output", {})
        outputs |= output.get("outputVariables", {})
        result: Any = output.get("executionResult", {})
        if action["status"] == "Failed":
            summary = (result.get("errorDetails") or {}).get("message") or result.get("externalExecutionSummary", "")
        log = build_log(result.get("externalExecutionId", ""), codebuild) or log
    return Stage(name, status, max((end - begin).total_seconds(), 0.0), outputs, log, summary)


def build_log(build_id: str, codebuild: CodeBuildClient) -> LogStream | None:
    """Where a build writes; None for what is no build, and for one that has written nothing yet."""
    if ":" not in build_id:
        return None
    builds = codebuild.batch_get_builds(ids=[build_id])["builds"]
    logs = builds[0].get("logs", {}) if builds else {}
    group, stream = logs.get("groupName"), logs.get("streamName")
    return (group, stream) if group and stream else None


def outputs_of(stages: Iterable[Stage]) -> dict[str, str]:
    """All exported variables of an execution, later stages last."""
    merged: dict[str, str] = {}
    for stage in stages:
        merged |= stage.outputs
    return merged


def running_job(pipeline: str, stage: str, session: boto3.Session) -> RunningJob | None:
    """The job that the stage waits for, with the last line it reported; a pipeline is called as its project is."""
    if stage not in STAGE_JOBS:
        return None
    kind, part = STAGE_JOBS[stage]
    summaries = running_summaries(kind, f"{pipeline}{part}", session.client("sagemaker"))
    if not summaries:
        return None

    name, created = summaries[0][kind.name_parameter], summaries[0]["CreationTime"]
    lines = [line for _, line in LogReader(kind.log_group, name, session.client("logs")).new_lines()]
    reported = [line for line in lines if REPORTED_LINE.match(line)]
    return RunningJob(kind, name, time.time() - created.timestamp(), reported[-1] if reported else "")


def running_summaries(kind: JobKind, part: str, sagemaker: SageMakerClient) -> Sequence[Any]:
    """The running jobs of a kind with this in their names, the youngest first."""
    arguments: dict[str, Any] = {
        "NameContains": part,
        "StatusEquals": "InProgress",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }
    if kind is TRAINING:
        return sagemaker.list_training_jobs(**arguments)["TrainingJobSummaries"]
    return sagemaker.list_processing_jobs(**arguments)["ProcessingJobSummaries"]


def pending_approval(
    codepipeline: CodePipelineClient, pipeline: str, execution_id: str | None = None
) -> Approval | None:
    """What waits for a person, in any execution or in one; None where nothing does."""
    for stage in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
        execution = stage.get("latestExecution", {}).get("pipelineExecutionId", "")
        if execution_id not in (None, execution):
            continue
        for action in stage.get("actionStates", []):
            latest = action.get("latestExecution", {})
            if latest.get("status") == "InProgress" and (token := latest.get("token")):
                return Approval(stage["stageName"], action["actionName"], token, execution)
    return None


def entry_refusal(codepipeline: CodePipelineClient, pipeline: str, execution_id: str) -> str:
    """Why a stage was not entered, for example because the gate said FAIL; or an empty text."""
    for stage in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
        condition = stage.get("beforeEntryConditionState", {}).get("latestExecution", {})
        tried: Any = stage.get("inboundExecution") or stage.get("latestExecution") or {}
        if condition.get("status") == "Failed" and tried.get("pipelineExecutionId") == execution_id:
            return f"{stage['stageName']} was not entered: {condition.get('summary', 'its entry condition failed')}"
    return ""
