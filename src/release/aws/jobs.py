"""Training and processing jobs: find or adopt one, watch it to its end, say why it failed."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from release.aws.failure import StageFailed, is_not_found
from release.aws.logs import LogReader
from release.aws.naming import name as compose_name
from release.aws.waiting import REAL_TIME, Clock, spoken_seconds

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker import SageMakerClient

FIRST_POLL_SECONDS = 1.0
LAST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.5
HEARTBEAT_SECONDS = 30.0
FAILURE_LOG_LINES = 20
KEPT_LOG_LINES = 400
# What a job reports for people and machines; the rest of its log is shown by `python -m release logs`
REPORTED_LINE = re.compile(r"^(metric|progress) ")
# From here on a failed job's log speaks of its launcher, no longer of its cause
LAUNCHER_LINE = re.compile(
    r"torch[./]distributed[./]elastic|torch[./]distributed[./]run|sagemaker-training-toolkit ERROR"
)
LAUNCHER_NOTE = re.compile(r"sagemaker-training-toolkit +INFO")


class JobFailed(StageFailed):
    """A job ended without its result; the message says why, with its last log lines and what to do."""


@dataclass(frozen=True)
class JobKind:
    """How one kind of SageMaker job is described."""

    word: str
    """`training` or `processing`, as the variable in terraform.tfvars is called, too."""
    log_group: str
    console_path: str
    describe_operation: str
    name_parameter: str
    status_field: str


TRAINING = JobKind(
    word="training",
    log_group="/aws/sagemaker/TrainingJobs",
    console_path="jobs",
    describe_operation="describe_training_job",
    name_parameter="TrainingJobName",
    status_field="TrainingJobStatus",
)
PROCESSING = JobKind(
    word="processing",
    log_group="/aws/sagemaker/ProcessingJobs",
    console_path="processing-jobs",
    describe_operation="describe_processing_job",
    name_parameter="ProcessingJobName",
    status_field="ProcessingJobStatus",
)


@dataclass(frozen=True)
class JobState:
    """A job as described."""

    status: str
    """InProgress, Stopping, Stopped, Completed or Failed."""
    secondary: str
    """Training only: what it is doing, or why it was stopped; otherwise empty."""
    reason: str
    """Why it failed; otherwise empty."""


@dataclass(frozen=True)
class Attempt:
    """The job of a fingerprint to use."""

    name: str
    adopted: bool
    """True: it exists, running or finished, and is not paid for twice. False: start it."""


def attempt_names(project_name: str, stage: str, fingerprint: str) -> Iterator[str]:
    """`<project>-<stage>-<fingerprint>`, then the same with -2, -3, ..."""
    yield compose_name(project_name, stage, fingerprint)
    for number in itertools.count(2):
        yield compose_name(project_name, stage, fingerprint, str(number))


def choose_attempt(
    names: Iterator[str], status_of: Callable[[str], str | None], has_output: Callable[[str], bool]
) -> Attempt:
    """Pick the first attempt that is running, finished with its output still there, or not yet taken."""
    for name in names:
        status = status_of(name)
        if status is None:
            return Attempt(name, adopted=False)
        if status == "InProgress" or (status == "Completed" and has_output(name)):
            return Attempt(name, adopted=True)
    raise AssertionError("attempt names never end")


def find_attempt(
    kind: JobKind, names: Iterator[str], has_output: Callable[[str], bool], sagemaker: SageMakerClient
) -> Attempt:
    """The attempt to use among the jobs of these names, as SageMaker has them now."""

    def status_of(name: str) -> str | None:
        state = describe(kind, name, sagemaker)
        return state.status if state else None

    return choose_attempt(names, status_of, has_output)


def describe(kind: JobKind, name: str, sagemaker: SageMakerClient) -> JobState | None:
    """The job's state, or None where there is no such job."""
    try:
        job = getattr(sagemaker, kind.describe_operation)(**{kind.name_parameter: name})
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    return JobState(
        status=job[kind.status_field],
        secondary=job.get("SecondaryStatus", ""),
        reason=" ".join((job.get("ExitMessage") or job.get("FailureReason") or "").split()),
    )


def wait(
    kind: JobKind,
    name: str,
    session: boto3.Session,
    show: Callable[[str], None] = print,
    clock: Clock = REAL_TIME,
) -> JobState:
    """Watch a job until it ends, showing its status and reported lines; JobFailed unless it completed.

    There is no limit of our own: the job has its MaxRuntimeInSeconds and the build its timeout.
    """
    sagemaker = session.client("sagemaker")
    log = _JobLog(LogReader(kind.log_group, name, session.client("logs")), show)
    begun = last_shown_at = clock.now()
    last_shown: Any = None
    pause = FIRST_POLL_SECONDS
    show(f"{kind.word} job {name}: {console_link(kind, name, session.region_name)}")

    while True:
        state = describe(kind, name, sagemaker)
        if state is None:
            raise JobFailed(f"{kind.word} job {name} disappeared; retry the stage to start another attempt")

        log.read()
        now = clock.now()
        if (state.status, state.secondary) != last_shown or now - last_shown_at >= HEARTBEAT_SECONDS:
            show(f"  {state.secondary or state.status}, {spoken_seconds(now - begun)}")
            last_shown, last_shown_at = (state.status, state.secondary), now

        if state.status == "Completed":
            return state
        if state.status in ("Failed", "Stopped"):
            # The last lines reach CloudWatch a moment after the job ends
            clock.sleep(FIRST_POLL_SECONDS)
            log.read()
            raise JobFailed(failure_message(kind, name, state, session.region_name, telling_lines(log.recent)))

        clock.sleep(pause)
        pause = min(pause * POLL_GROWTH, LAST_POLL_SECONDS)


class _JobLog:
    """What a job writes: its reported lines are shown, the last lines of each stream are kept."""

    def __init__(self, reader: LogReader, show: Callable[[str], None]):
        self._reader, self._show = reader, show
        # Enough to find the cause in front of what two launchers say about it
        self.recent: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=KEPT_LOG_LINES))

    def read(self) -> None:
        """Take in what is new."""
        for stream, line in self._reader.new_lines():
            self.recent[stream].append(line)
            if REPORTED_LINE.match(line):
                self._show(f"  {line}")


def telling_lines(lines_by_stream: Mapping[str, Iterable[str]], count: int = FAILURE_LOG_LINES) -> list[str]:
    """The last lines of a failed job before its launcher reported the failure, the same share of each host.

    Falls back to the very last lines where a log holds nothing else.
    """
    last_lines = []
    share = max(1, count // max(1, len(lines_by_stream)))
    for stream in sorted(lines_by_stream):
        lines = [line for line in lines_by_stream[stream] if line.strip()]
        before = list(itertools.takewhile(lambda line: not LAUNCHER_LINE.search(line), lines))
        own = [line for line in before if not LAUNCHER_NOTE.search(line)]
        last_lines += (own or lines)[-share:]
    return last_lines


def console_link(kind: JobKind, name: str, region: str) -> str:
    """Where a person looks at the job."""
    return f"https://{region}.console.aws.amazon.com/sagemaker/home?region={region}#/{kind.console_path}/{name}"


def advice(kind: JobKind, state: JobState) -> str:
    """What to do about a job that ended without its result."""
    reason = state.reason.lower()
    if state.secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded") or "maxruntimeexceeded" in reason:
        return (
            f"it ran into its time limit: raise {kind.word}.max_run_seconds in terraform.tfvars and apply, or make the "
            f"job smaller, then retry the stage{'; it goes on from its last checkpoint' if kind is TRAINING else ''}"
        )
    if "resourcelimitexceeded" in reason or "quota" in reason:
        return "ask for a higher quota of this instance type in Service Quotas, or choose another one in Terraform"
    if "capacityerror" in reason or "insufficient capacity" in reason:
        return "AWS has no such instance free right now: retry the stage later, or choose another instance type"
    if "accessdenied" in reason or "not authorized" in reason or "access denied" in reason:
        return f"the {kind.word} role lacks a permission: see terraform/modules/identity"
    if state.status in ("Stopped", "Stopping"):
        return "somebody stopped it: retry the stage to start another attempt"
    return "fix what the reason names and push, or retry the stage if it was a passing fault"


def failure_message(kind: JobKind, name: str, state: JobState, region: str, log_lines: list[str]) -> str:
    """All a person needs to know about a failed job, in one text."""
    what = f"{state.status} ({state.secondary})" if state.secondary not in ("", state.status) else state.status
    lines = [
        f"{kind.word} job {name} ended as {what}",
        f"  reason: {state.reason or 'none given'}",
        f"  what to do: {advice(kind, state)}",
        f"  console: {console_link(kind, name, region)}",
        f"  last {len(log_lines)} log lines of {kind.log_group}:" if log_lines else f"  no log in {kind.log_group}",
    ]
    return "\n".join(lines + [f"    {line}" for line in log_lines])
