"""Follows one pipeline execution on the screen."""

import time
from collections.abc import Callable

from laptop.screen import Screen
from release.aws.logs import LogFollower
from release.operate.progress import ENDED, Stage, pending_approval, stages


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
