"""`python -m release approve` and `reject`: a person's answer to the approval that waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.operate import progress
from release.operate.find import command_to, find_pipeline
from release.operate.progress import Approval

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_codepipeline import CodePipelineClient


@dataclass(frozen=True)
class ApprovalAnswer:
    """What a person decided."""

    approve: bool
    reason: str
    """Kept with the decision."""
    execution: str | None = None
    """The execution that was read; None: whichever waits."""


def decide(session: boto3.Session, pipeline: str | None, answer: ApprovalAnswer) -> int:
    """Answer the approval that waits; 0.

    ValueError where none does, where it is not that of the answer's execution, or where nothing says which package it
    is about.
    """
    codepipeline = session.client("codepipeline")
    name = find_pipeline(codepipeline, pipeline)
    where = f"`{command_to('status', codepipeline)}` shows where it stands"
    approval = progress.pending_approval(codepipeline, name)
    if approval is None:
        raise ValueError(f"nothing waits for approval in {name}; {where}")
    waiting = approval.execution
    if answer.execution and answer.execution != waiting:
        raise ValueError(
            f"execution {waiting} of {name} waits for approval, not {answer.execution}: not decided; {where}"
        )

    stages = progress.stages(codepipeline, session.client("codebuild"), name, waiting)
    package = progress.outputs_of(stages).get("MODEL_PACKAGE_ARN")
    if not package and not answer.execution:
        command = command_to("approve" if answer.approve else "reject", codepipeline, waiting)
        raise ValueError(
            f"execution {waiting} of {name} waits for approval, and no stage of it says for which package: not "
            f"decided; look at it, then `{command}`"
        )

    answer_approval(codepipeline, name, approval, answer.approve, answer.reason)
    outcome = "approved" if answer.approve else "rejected"
    print(f"{outcome}: execution {waiting}, package {package or 'none named'}")
    return 0


def answer_approval(
    codepipeline: CodePipelineClient, pipeline: str, approval: Approval, approve: bool, reason: str
) -> None:
    """Tell the pipeline what was decided."""
    codepipeline.put_approval_result(
        pipelineName=pipeline,
        stageName=approval.stage,
        actionName=approval.action,
        token=approval.token,
        result={"status": "Approved" if approve else "Rejected", "summary": reason},
    )
