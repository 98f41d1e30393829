"""`python -m release logs`: what a stage's build writes, and the job that it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from release.aws.logs import LogFollower, LogReader
from release.aws.waiting import REAL_TIME, Clock
from release.operate import progress
from release.operate.find import find_pipeline, shown_execution
from release.operate.progress import Stage

if TYPE_CHECKING:
    import boto3

FOLLOW_SECONDS = 1.0
LATE_SECONDS = 5.0  # after its end, until a log is complete


@dataclass(frozen=True)
class LogSource:
    """A log that is shown: of a stage's build, or of the job that it waits for."""

    stage: str
    read: Callable[[], Iterable[str]]
    """Gives the lines that are new."""
    read_until: float
    """On the clock; moves on as long as it runs."""


def show_logs(
    session: boto3.Session, pipeline: str | None, stage: str | None, follow: bool, clock: Clock = REAL_TIME
) -> int:
    """Print the log of a stage's build, by default of the one that runs or ran last, and of the job it waits for; 0.

    What has ended is read on for a while: its last lines come late.
    """
    codepipeline, codebuild = session.client("codepipeline"), session.client("codebuild")
    name = find_pipeline(codepipeline, pipeline)
    execution = shown_execution(codepipeline, name)
    if execution is None:
        raise ValueError(f"{name} has not run yet: there is no log; push a commit")
    identity, status = execution["pipelineExecutionId"], execution["status"]
    logs = _Logs(name, session, clock)

    while True:
        stages = progress.stages(codepipeline, codebuild, name, identity)
        for shown in stages_to_show(stages, stage):
            logs.add(shown)
        logs.print_new_lines()
        if not follow or status in progress.ENDED:
            break
        clock.sleep(FOLLOW_SECONDS)
        answer = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=identity)
        status = answer["pipelineExecution"]["status"]

    if follow and execution["status"] not in progress.ENDED:
        clock.sleep(LATE_SECONDS)
        logs.print_new_lines(read_all=True)
    return 0


def stages_to_show(stages: Sequence[Stage], name: str | None) -> list[Stage]:
    """The stage asked for, otherwise those that run, otherwise the last that has a log. ValueError: no such stage."""
    if name:
        named = [stage for stage in stages if stage.name.lower() == name.lower()]
        if not named:
            raise ValueError(f"no stage {name!r} in this execution; found {', '.join(stage.name for stage in stages)}")
        return [stage for stage in named if stage.log]
    logged = [stage for stage in stages if stage.log]
    return [stage for stage in logged if stage.status == "InProgress"] or logged[-1:]


def job_lines(reader: LogReader) -> Iterator[str]:
    """New lines of a job, each with its host."""
    for stream, line in reader.new_lines():
        yield f"{stream.rsplit('/', 1)[-1]}: {line}"


class _Logs:
    """The logs that are shown, and how far each is printed."""

    def __init__(self, pipeline: str, session: boto3.Session, clock: Clock):
        self._pipeline, self._session, self._clock = pipeline, session, clock
        self._follower = LogFollower(session.client("logs"))
        self._readers: dict[str, LogReader] = {}
        self._sources: dict[str, LogSource] = {}
        self._announced = ""

    def add(self, stage: Stage) -> None:
        """Read the stage's build, and its job while it runs, for a while from now on."""
        until = self._clock.now() + LATE_SECONDS
        if stage.log:
            read = partial(self._follower.new_lines, stage.log)
            self._sources[stage.name] = LogSource(stage.name, read, until)
        job = progress.running_job(self._pipeline, stage.name, self._session) if stage.status == "InProgress" else None
        if job:
            reader = LogReader(job.kind.log_group, job.name, self._session.client("logs"))
            reader = self._readers.setdefault(job.name, reader)
            self._sources[job.name] = LogSource(stage.name, partial(job_lines, reader), until)

    def print_new_lines(self, read_all: bool = False) -> None:
        """What came since the last call, under the name of its stage; `read_all`: of what ended long ago, too."""
        for source in self._sources.values():
            if not read_all and self._clock.now() > source.read_until:
                continue
            for line in source.read():
                if source.stage != self._announced:
                    self._announced = source.stage
                    print(f"--- {self._announced}")
                print(line)
