"""What a pipeline remembers of its executions: stages, actions and rules as they went."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

IN_PROGRESS, SUCCEEDED, FAILED, ABANDONED = "InProgress", "Succeeded", "Failed", "Abandoned"
STOPPING, STOPPED, SUPERSEDED, SKIPPED = "Stopping", "Stopped", "Superseded", "Skipped"
OVERRIDDEN, ERRORED = "Overridden", "Errored"
STANDARD, ROLLBACK = "STANDARD", "ROLLBACK"


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id as CodePipeline gives them to executions, runs and tokens."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Location:
    """Where an artifact lies."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Revision:
    """Which version of the source an execution works on."""

    revision_id: str
    summary: str


@dataclass
class ActionRun:
    """One execution of one action."""

    execution_id: str
    stage: str
    action: dict  # its declaration
    resolved_configuration: dict[str, str]
    inputs: dict[str, Location]
    id: str = field(default_factory=new_id)
    status: str = IN_PROGRESS
    started: datetime = field(default_factory=now)
    changed: datetime = field(default_factory=now)
    summary: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    log_stream_arn: str | None = None
    token: str | None = None  # of a waiting approval
    updated_by: str | None = None
    revision: Revision | None = None
    outputs: dict[str, Location] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    decision: str | None = None  # Approved or Rejected
    decided: threading.Event = field(default_factory=threading.Event)  # an approval has its answer

    @property
    def name(self) -> str:
        return self.action["name"]

    def end(self, status: str, *, code: str | None = None, message: str | None = None) -> None:
        self.error_code = code
        self.error_message = message[:5000] if message else None
        self.changed = now()
        self.status = status


@dataclass
class RuleRun:
    """One evaluation of one rule of a condition."""

    execution_id: str
    stage: str
    rule: dict  # its declaration
    resolved_configuration: dict[str, str]
    id: str = field(default_factory=new_id)
    status: str = IN_PROGRESS
    started: datetime = field(default_factory=now)
    changed: datetime = field(default_factory=now)
    summary: str = ""
    error_code: str | None = None

    def end(self, status: str, summary: str, code: str | None = None) -> None:
        self.summary = summary[:2048]
        self.error_code = code
        self.changed = now()
        self.status = status


@dataclass
class ConditionRun:
    """One evaluation of the condition that stands before or after a stage."""

    status: str = IN_PROGRESS
    summary: str = ""
    changed: datetime = field(default_factory=now)
    rules: list[RuleRun] = field(default_factory=list)

    def end(self, status: str, summary: str) -> None:
        self.summary = summary[:2048]
        self.changed = now()
        self.status = status


@dataclass
class StageRun:
    """One stage as one execution went through it; a retry goes on with the same."""

    execution_id: str
    type: str  # STANDARD or ROLLBACK
    status: str = IN_PROGRESS
    conditions: dict[str, ConditionRun] = field(default_factory=dict)  # beforeEntry, onSuccess, onFailure
    automatic_retries: int = 0
    manual_retries: int = 0
    latest_retry: str | None = None  # AutomatedStageRetry or ManualStageRetry


@dataclass
class Execution:
    """One execution of a pipeline."""

    declaration: dict  # of the version that it runs
    version: int
    trigger_type: str
    trigger_detail: str
    variables: dict[str, str]  # the pipeline's own
    overrides: dict[str, tuple[str, str]] = field(default_factory=dict)  # source action -> (kind, revision)
    pushed_branch: str | None = None  # of the push that started it: a trigger may watch several
    type: str = STANDARD
    rollback_target: str | None = None
    id: str = field(default_factory=new_id)
    status: str = IN_PROGRESS
    status_summary: str | None = None
    started: datetime = field(default_factory=now)
    changed: datetime = field(default_factory=now)
    stop_reason: str | None = None
    stop_requested: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    artifacts: dict[str, Location] = field(default_factory=dict)
    revisions: dict[str, tuple[str, Revision]] = field(default_factory=dict)  # source action -> (artifact, revision)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    stage_runs: dict[str, StageRun] = field(default_factory=dict)

    def visible_namespaces(self) -> dict[str, dict[str, str]]:
        """All that `#{...}` can name in this execution."""
        return {
            **self.namespaces,
            "variables": self.variables,
            "codepipeline": {"PipelineExecutionId": self.id},
        }

    def set_status(self, status: str, summary: str | None = None) -> None:
        self.status = status
        self.status_summary = summary
        self.changed = now()


@dataclass
class Stage:
    """A stage of the pipeline, whoever goes through it."""

    name: str
    occupant: str | None = None  # execution id; PARALLEL executions do not occupy
    waiting: list[Execution] = field(default_factory=list)  # first come, first served
    latest: StageRun | None = None
    enabled: bool = True  # the transition into it
    disabled_reason: str | None = None
    changed_by: str | None = None
    changed_at: datetime = field(default_factory=now)


class History:
    """All that one pipeline remembers; whoever reads or changes it holds `changed`."""

    def __init__(self, declaration: dict):
        self.changed = threading.Condition(threading.RLock())
        self.declaration = declaration
        self.versions: dict[int, dict] = {declaration["version"]: declaration}
        self.created = self.updated = now()
        self.executions: dict[str, Execution] = {}  # oldest first
        self.action_runs: list[ActionRun] = []  # oldest first
        self.rule_runs: list[RuleRun] = []
        self.stages: dict[str, Stage] = {stage["name"]: Stage(stage["name"]) for stage in declaration["stages"]}

    @property
    def name(self) -> str:
        return self.declaration["name"]

    def last_success(self, stage_name: str) -> Execution | None:
        """The latest execution of the present version that came through a stage, rollbacks left out."""
        with self.changed:
            for execution in reversed(self.executions.values()):
                stage_run = execution.stage_runs.get(stage_name)
                if execution.type != STANDARD or execution.version != self.declaration["version"]:
                    continue
                if stage_run is not None and stage_run.status == SUCCEEDED:
                    return execution
        return None
