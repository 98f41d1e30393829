"""Follows one pipeline execution on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from laptop.machine import Laptop
from laptop.screen import Screen
from laptop.source import Execution
from release.aws.logs import LogFollower
from release.aws.waiting import REAL_TIME, Clock
from release.operate.progress import ENDED, Approval, Stage, pending_approval, stages

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

POLL_SECONDS = 0.5


def follow(
    laptop: Laptop,
    execution: Execution,
    screen: Screen,
    on_approval: Callable[[Approval, list[Stage]], None],
    *,
    show_logs: bool = False,
    clock: Clock = REAL_TIME,
) -> tuple[str, list[Stage]]:
    """Prints progress until the execution ends; calls `on_approval` once for each approval token.

    Returns (status of the execution, its stages). There is no limit: an approval waits for a person.
    """
    codepipeline: CodePipelineClient = laptop.client("codepipeline")
    codebuild = laptop.client("codebuild")
    progress = _StageLines(screen, LogFollower(laptop.client("logs")), show_logs)
    answered: set[str] = set()

    while True:
        description = codepipeline.get_pipeline_execution(
            pipelineName=execution.pipeline, pipelineExecutionId=execution.id
        )
        status = description["pipelineExecution"]["status"]
        reached = stages(codepipeline, codebuild, execution.pipeline, execution.id)
        for stage in reached:
            progress.show(stage)
        if status in ENDED:
            return status, reached

        approval = pending_approval(codepipeline, execution.pipeline, execution.id)
        if approval and approval.token not in answered:
            answered.add(approval.token)
            on_approval(approval, reached)
        clock.sleep(POLL_SECONDS)


class _StageLines:
    """A line that moves while a stage runs, and one that stays when it has ended."""

    def __init__(self, screen: Screen, follower: LogFollower, show_logs: bool):
        self._screen, self._follower, self._show_logs = screen, follower, show_logs
        self._ended: dict[str, str] = {}

    def show(self, stage: Stage) -> None:
        """What is new about a stage."""
        if self._ended.get(stage.name) == stage.status:
            return
        last_line = self._read_log(stage)
        if stage.status != "InProgress":
            self._screen.line(f"{stage.name:<10} {stage.status.lower()} after {stage.seconds:.0f} s")
            self._ended[stage.name] = stage.status
        elif last_line:
            self._screen.moving(f"{stage.name:<10} {stage.seconds:4.0f} s  {last_line}")

    def _read_log(self, stage: Stage) -> str:
        """The last line that is new, with all of them shown where they were asked for; empty without one."""
        last_line = ""
        for line in self._follower.new_lines(stage.log) if stage.log else ():
            if line.strip():
                last_line = line.strip()
            if self._show_logs:
                self._screen.block(f"        {stage.name:<9} {line}")
        return last_line
