"""`python -m release status`: where a pipeline stands, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.aws.waiting import spoken_seconds
from release.operate import progress
from release.operate.find import command_to, find_pipeline, shown_execution
from release.operate.progress import STAGE_JOBS, Approval, RunningJob, Stage

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_codepipeline.type_defs import PipelineExecutionSummaryTypeDef


@dataclass(frozen=True)
class Status:
    """Where a pipeline stands."""

    pipeline: str
    execution: PipelineExecutionSummaryTypeDef | None = None
    """The one that is shown; None where the pipeline never ran."""
    stages: Sequence[Stage] = ()
    """Those that it has entered."""
    job: RunningJob | None = None
    """What its running stage waits for."""
    approval: Approval | None = None
    """What waits for a person, in whatever execution."""
    blocked: str = ""
    """Why a stage was not entered; otherwise empty."""
    answers: Sequence[str] = ()
    """The commands that answer the approval."""


def show_status(session: boto3.Session, pipeline: str | None) -> int:
    """Print where the pipeline stands; 0."""
    print("\n".join(status_lines(read_status(session, pipeline))))
    return 0


def read_status(session: boto3.Session, pipeline: str | None) -> Status:
    """Where the pipeline stands now."""
    codepipeline = session.client("codepipeline")
    name = find_pipeline(codepipeline, pipeline)
    approval = progress.pending_approval(codepipeline, name)
    answers = [command_to(word, codepipeline, approval.execution) for word in ("approve", "reject") if approval]
    execution = shown_execution(codepipeline, name)
    if execution is None:
        return Status(name, approval=approval, answers=answers)

    identity = execution["pipelineExecutionId"]
    stages = progress.stages(codepipeline, session.client("codebuild"), name, identity)
    running = next((stage.name for stage in stages if stage.status == "InProgress"), "")
    return Status(
        name,
        execution,
        stages,
        progress.running_job(name, running, session),
        approval,
        progress.entry_refusal(codepipeline, name, identity),
        answers,
    )


def status_lines(status: Status) -> list[str]:
    """What `status` prints. A pure function."""
    execution, job, approval = status.execution, status.job, status.approval
    if execution is None:
        return [f"{status.pipeline}: has not run yet; push a commit"]
    revisions = execution.get("sourceRevisions")
    commit = revisions[0].get("revisionId", "")[:12] if revisions else ""
    identity = execution["pipelineExecutionId"]
    lines = [f"{status.pipeline}: {execution['status']}, execution {identity}, commit {commit or '?'}"]

    for stage in status.stages:
        seconds = spoken_seconds(stage.seconds)
        lines.append(f"  {stage.name:<10} {stage.status:<11} {seconds:>10}  {stage.summary}".rstrip())
        if job and stage.status == "InProgress" and stage.name in STAGE_JOBS:
            lines.append(f"    {job.kind.word} job {job.name}, {spoken_seconds(job.seconds)}  {job.last_line}".rstrip())

    if status.blocked:
        lines.append(f"  {status.blocked}")
    if approval and approval.execution == identity:
        lines.append(f"  waits for approval in {approval.stage}:")
        lines += [f"    {line}" for line in (*status.answers, *candidate_lines(status.stages))]
    return lines


def candidate_lines(stages: Sequence[Stage]) -> list[str]:
    """What an approver needs to know, from the variables that Evaluate exported."""
    outputs = progress.outputs_of(stages)
    if "MODEL_PACKAGE_ARN" not in outputs:
        return []
    return [
        f"gate {outputs.get('GATE')}: {outputs.get('GATE_SUMMARY')}",
        f"macro average precision {outputs.get('MACRO_AVERAGE_PRECISION')} "
        f"(live in prod: {outputs.get('CHAMPION_MACRO_AVERAGE_PRECISION')}, "
        f"difference {outputs.get('AGAINST_CHAMPION')}), "
        f"macro AUROC {outputs.get('MACRO_AUROC')}, macro F1 {outputs.get('MACRO_F1')}",
        f"worst label {outputs.get('WORST_LABEL')}, most flips {outputs.get('MOST_FLIPS')}, "
        f"false positives per 1,000 clean texts {outputs.get('FALSE_POSITIVES_PER_1000_CLEAN')}",
        f"package {outputs['MODEL_PACKAGE_ARN']}, policy {outputs.get('POLICY_ID')}",
        f"report {outputs.get('REPORT_URL')}",
    ]
