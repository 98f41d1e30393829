"""What an operator asks for at a terminal: status, approve, reject, invoke, logs. Plain boto3, AWS or the emulator."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from release.aws.jobs import PROCESSING, REPORTED_LINE, TRAINING, JobKind, spoken_seconds
from release.aws.logs import LogFollower, LogReader
from release.operate import progress
from release.stages import smoke

FOLLOW_SECONDS = 1.0
LATE_SECONDS = 5.0  # after its end, until a log is complete
MARKS = {"allow": " ", "review": "?", "block": "x"}
# The stage whose build waits for a job, and what follows the project's name in that job's name
STAGE_JOBS = {
    "Prepare": (PROCESSING, "-prepare-"),
    "Train": (TRAINING, "-train-"),
    "Evaluate": (PROCESSING, "-evaluate-"),
}


@dataclass(frozen=True)
class RunningJob:
    """A SageMaker job that a stage waits for."""

    kind: JobKind
    name: str
    seconds: float
    last_line: str
    """The last metric or progress line it wrote; otherwise empty."""


@dataclass(frozen=True)
class LogSource:
    """A log that is shown: of a stage's build, or of the job that it waits for."""

    stage: str
    read: Callable[[], Iterable[str]]
    """Gives the lines that are new."""
    read_until: float
    """On the clock; moves on as long as it runs."""


def find_pipeline(codepipeline, wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The pipeline meant: named, from PIPELINE_NAME, or the only one there is; ValueError where that is not clear."""
    name = wanted or environ.get("PIPELINE_NAME")
    if name:
        return name
    pages = codepipeline.get_paginator("list_pipelines").paginate()
    names = [pipeline["name"] for page in pages for pipeline in page["pipelines"]]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise ValueError(
            f"expected one pipeline in {codepipeline.meta.region_name}, found {found}; name one with --pipeline "
            "(terraform output pipeline_name), or see that AWS_ENDPOINT_URL, region and credentials are the right ones"
        )
    return names[0]


def command_to(name: str, codepipeline, execution: str = "") -> str:
    """What to type: `make approve EXECUTION=...` for the emulator on this machine, `python -m release ...` for AWS."""
    if urlsplit(codepipeline.meta.endpoint_url).hostname in ("127.0.0.1", "localhost"):
        return f"make {name}" + (f" EXECUTION={execution}" if execution else "")
    return f"python -m release {name}" + (f" --execution {execution}" if execution else "")


def find_endpoint(sagemaker, environment: str, wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The endpoint of `staging` or `prod`: named, from the environment, or the only one whose name ends so."""
    name = wanted or environ.get(f"{environment.upper()}_ENDPOINT_NAME")
    if name:
        return name
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=f"-{environment}")
    names = [
        endpoint["EndpointName"]
        for page in pages
        for endpoint in page["Endpoints"]
        if endpoint["EndpointName"].endswith(f"-{environment}")
    ]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise ValueError(
            f"expected one endpoint whose name ends in -{environment}, found {found}; "
            "nothing is released there yet, or name one with --endpoint"
        )
    return names[0]


def shown_execution(codepipeline, pipeline: str) -> dict[str, Any] | None:
    """The execution a person asks about: one that runs, otherwise the youngest."""
    summaries = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=20)[
        "pipelineExecutionSummaries"
    ]
    running = [summary for summary in summaries if summary["status"] in ("InProgress", "Stopping")]
    # QUEUED mode: the oldest that runs is the furthest
    return running[-1] if running else (summaries[0] if summaries else None)


def running_job(pipeline: str, stage: str, session) -> RunningJob | None:
    """The job that the stage waits for, with the last line it reported; a pipeline is called as its project is."""
    if stage not in STAGE_JOBS:
        return None
    kind, part = STAGE_JOBS[stage]
    sagemaker = session.client("sagemaker")
    arguments = {
        "NameContains": f"{pipeline}{part}",
        "StatusEquals": "InProgress",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }
    if kind is TRAINING:
        found = sagemaker.list_training_jobs(**arguments)["TrainingJobSummaries"]
    else:
        found = sagemaker.list_processing_jobs(**arguments)["ProcessingJobSummaries"]
    if not found:
        return None
    name, created = found[0][kind.name_parameter], found[0]["CreationTime"]
    lines = [line for _, line in LogReader(kind.log_group, name, session.client("logs")).new_lines()]
    reported = [line for line in lines if REPORTED_LINE.match(line)]
    return RunningJob(kind, name, time.time() - created.timestamp(), reported[-1] if reported else "")


def status_lines(
    pipeline: str,
    execution: Mapping[str, Any] | None,
    stages: Sequence[progress.Stage],
    job: RunningJob | None,
    approval: Mapping[str, str] | None,
    blocked: str,
    to_decide: Sequence[str] = (),
) -> list[str]:
    """What `status` prints; `to_decide` are the commands that answer the approval. A pure function."""
    if execution is None:
        return [f"{pipeline}: has not run yet; push a commit"]
    revisions = execution.get("sourceRevisions") or [{}]
    commit = revisions[0].get("revisionId", "")[:12]
    lines = [f"{pipeline}: {execution['status']}, execution {execution['pipelineExecutionId']}, commit {commit or '?'}"]
    for stage in stages:
        lines.append(
            f"  {stage.name:<10} {stage.status:<11} {spoken_seconds(stage.seconds):>10}  {stage.summary}".rstrip()
        )
        if job and stage.status == "InProgress" and stage.name in STAGE_JOBS:
            lines.append(f"    {job.kind.word} job {job.name}, {spoken_seconds(job.seconds)}  {job.last_line}".rstrip())
    if blocked:
        lines.append(f"  {blocked}")
    if approval and approval["execution"] == execution["pipelineExecutionId"]:
        lines.append(f"  waits for approval in {approval['stage']}:")
        lines += [f"    {command}" for command in to_decide]
        lines += [f"    {line}" for line in candidate_lines(stages)]
    return lines


def candidate_lines(stages: Sequence[progress.Stage]) -> list[str]:
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
        f"false positives per 1,000 clean rows {outputs.get('FALSE_POSITIVES_PER_1000_CLEAN')}",
        f"package {outputs['MODEL_PACKAGE_ARN']}, policy {outputs.get('POLICY_ID')}",
        f"report {outputs.get('REPORT_URL')}",
    ]


def show_status(session, pipeline: str | None) -> int:
    """Print where the pipeline stands; 0."""
    codepipeline = session.client("codepipeline")
    name = find_pipeline(codepipeline, pipeline)
    execution = shown_execution(codepipeline, name)
    stages: list[progress.Stage] = []
    blocked, job = "", None
    if execution:
        identity = execution["pipelineExecutionId"]
        stages = progress.stages(codepipeline, session.client("codebuild"), name, identity)
        blocked = progress.entry_refusal(codepipeline, name, identity)
        running = next((stage.name for stage in stages if stage.status == "InProgress"), "")
        job = running_job(name, running, session)
    approval = progress.pending_approval(codepipeline, name)
    to_decide = [command_to(word, codepipeline, approval["execution"]) for word in ("approve", "reject") if approval]
    print("\n".join(status_lines(name, execution, stages, job, approval, blocked, to_decide)))
    return 0


def decide(session, pipeline: str | None, approve: bool, reason: str, execution: str | None = None) -> int:
    """Answer the approval that waits; 0.

    ValueError where none does, where it is not that of `execution`, or where nothing says which package it is about.
    """
    codepipeline = session.client("codepipeline")
    name = find_pipeline(codepipeline, pipeline)
    where = f"`{command_to('status', codepipeline)}` shows where it stands"
    approval = progress.pending_approval(codepipeline, name)
    if approval is None:
        raise ValueError(f"nothing waits for approval in {name}; {where}")
    waiting = approval["execution"]
    if execution and execution != waiting:
        raise ValueError(f"execution {waiting} of {name} waits for approval, not {execution}: not decided; {where}")
    stages = progress.stages(codepipeline, session.client("codebuild"), name, waiting)
    package = progress.outputs_of(stages).get("MODEL_PACKAGE_ARN")
    if not package and not execution:
        raise ValueError(
            f"execution {waiting} of {name} waits for approval, and no stage of it says for which package: not "
            f"decided; look at it, then `{command_to('approve' if approve else 'reject', codepipeline, waiting)}`"
        )
    codepipeline.put_approval_result(
        pipelineName=name,
        stageName=approval["stage"],
        actionName=approval["action"],
        token=approval["token"],
        result={"status": "Approved" if approve else "Rejected", "summary": reason},
    )
    print(f"{'approved' if approve else 'rejected'}: execution {waiting}, package {package or 'none named'}")
    return 0


def answer_lines(answer: Mapping[str, Any]) -> list[str]:
    """A moderation answer for people, the highest score first. A pure function."""
    lines = []
    for result in answer["results"]:
        shortened = ", text was too long and was cut" if result["truncated"] else ""
        lines.append(result["decision"] + shortened)
        for label, entry in sorted(result["labels"].items(), key=lambda item: -item[1]["score"]):
            thresholds = f"review {entry['review']:.3f}  block {entry['block']:.3f}"
            lines.append(f"  [{MARKS[entry['decision']]}] {label:<20} {entry['score']:.3f}  {thresholds}")
    lines.append(f"answered by {answer['model']}, policy {answer['policy']}, request {answer['id']}")
    return lines


def invoke(session, environment: str, endpoint: str | None, texts: Sequence[str], as_json: bool) -> int:
    """Ask an endpoint about texts and print its answer; 0."""
    name = find_endpoint(session.client("sagemaker"), environment, endpoint)
    body = {"text": texts[0]} if len(texts) == 1 else {"texts": list(texts)}
    answer = smoke.invoke(name, body, session.client("sagemaker-runtime"))
    print(json.dumps(answer, indent=2) if as_json else "\n".join(answer_lines(answer)))
    return 0


def show_logs(
    session,
    pipeline: str | None,
    stage: str | None,
    follow: bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Print the log of a stage's build, by default of the one that runs or ran last, and of the job it waits for; 0.

    What has ended is read on for a while: its last lines come late.
    """
    codepipeline, codebuild, logs = (session.client(name) for name in ("codepipeline", "codebuild", "logs"))
    name = find_pipeline(codepipeline, pipeline)
    execution = shown_execution(codepipeline, name)
    if execution is None:
        raise ValueError(f"{name} has not run yet: there is no log; push a commit")
    identity, status = execution["pipelineExecutionId"], execution["status"]
    follower = LogFollower(logs)
    job_readers: dict[str, LogReader] = {}
    sources: dict[str, LogSource] = {}
    announced = ""

    def print_new_lines(read_all: bool) -> None:
        nonlocal announced
        for source in sources.values():
            if not read_all and clock() > source.read_until:
                continue
            for line in source.read():
                if source.stage != announced:
                    announced = source.stage
                    print(f"--- {announced}")
                print(line)

    while True:
        stages = progress.stages(codepipeline, codebuild, name, identity)
        for shown in stages_to_show(stages, stage):
            until = clock() + LATE_SECONDS
            sources[shown.name] = LogSource(shown.name, partial(follower.new_lines, shown.log), until)
            job = running_job(name, shown.name, session) if shown.status == "InProgress" else None
            if job:
                reader = job_readers.setdefault(job.name, LogReader(job.kind.log_group, job.name, logs))
                sources[job.name] = LogSource(shown.name, partial(job_lines, reader), until)
        print_new_lines(read_all=False)
        if not follow or status in progress.ENDED:
            break
        sleep(FOLLOW_SECONDS)
        found = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=identity)
        status = found["pipelineExecution"]["status"]
    if follow and execution["status"] not in progress.ENDED:
        sleep(LATE_SECONDS)
        print_new_lines(read_all=True)
    return 0


def job_lines(reader: LogReader) -> Iterator[str]:
    """New lines of a job, each with its host."""
    for stream, line in reader.new_lines():
        yield f"{stream.rsplit('/', 1)[-1]}: {line}"


def stages_to_show(stages: Sequence[progress.Stage], wanted: str | None) -> list[progress.Stage]:
    """The stage asked for, otherwise those that run, otherwise the last that has a log. ValueError: no such stage."""
    if wanted:
        named = [stage for stage in stages if stage.name.lower() == wanted.lower()]
        if not named:
            raise ValueError(
                f"no stage {wanted!r} in this execution; found {', '.join(stage.name for stage in stages)}"
            )
        return [stage for stage in named if stage.log]
    logged = [stage for stage in stages if stage.log]
    return [stage for stage in logged if stage.status == "InProgress"] or logged[-1:]
