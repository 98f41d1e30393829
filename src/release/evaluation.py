"""The Evaluate stage: candidate and champion scored on the same rows, the gate, the registration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from release import jobs, registry
from release.config import Platform, Project
from release.gate import HEADLINE, Decision, decide
from release.live import read_live
from release.naming import fingerprint
from release.processing import ROOT, processing_request
from release.source_archive import UploadedArchive

# An approval's CustomData holds 1,000 characters for everything that is shown
SUMMARY_CHARACTERS = 300


@dataclass(frozen=True)
class Verdict:
    """What the Evaluate stage found."""

    decision: Decision
    package_arn: str
    metrics: Mapping[str, float | None]
    champion_metrics: Mapping[str, float | None] | None
    report_url: str
    remark: str
    """What the approver must know beside the rules; otherwise empty."""


def champion_package(platform: Platform, sagemaker) -> str | None:
    """ARN of the package that serves prod; None on the first run."""
    live = read_live(platform.prod_endpoint_name, sagemaker)
    # An endpoint that never came up serves nobody
    if live is None or live.status in ("Creating", "Failed", "Deleting"):
        return None
    return live.package_arn or None


def report_url(bucket: str, key: str, region: str) -> str:
    """The S3 console's page of an object: the approver's own permissions decide, nothing is shared by link."""
    return f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={quote(key, safe='/')}"


def evaluate(
    platform: Platform,
    project: Project,
    archive: UploadedArchive,
    dataset_version: str,
    base_model_uri: str,
    training_job_name: str,
    model_data_uri: str,
    commit_id: str,
    session,
    show: Callable[[str], None] = print,
) -> Verdict:
    """Evaluate or find the evaluation, judge its numbers, register the candidate with the verdict."""
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    champion_arn = champion_package(platform, sagemaker)
    show(f"champion: {champion_arn or 'none, nothing serves prod yet'}")
    champion_uri = registry.model_data_uri(champion_arn, sagemaker) if champion_arn else None
    known = registry.evaluation_job(champion_arn, sagemaker) if champion_uri == model_data_uri else None
    if known and jobs.object_exists(f"{evaluation_uri(platform, known)}evaluation.json", s3):
        show(f"prod runs this very model: evaluation {known} counts")
        job_name = known
    else:
        inputs = {
            "candidate": model_data_uri,
            "dataset": f"s3://{platform.data_bucket}/prepared/{dataset_version}/",
            "base_model": base_model_uri,
        }
        if champion_uri:
            inputs["champion"] = champion_uri
        job_name = run_job(platform, project, archive, inputs, commit_id, session, show)
    prefix = f"evaluation/{job_name}/"
    evaluation = json.loads(s3.get_object(Bucket=platform.models_bucket, Key=f"{prefix}evaluation.json")["Body"].read())
    decision = decide(evaluation, project.gate)
    for rule in decision.rules:
        show(f"  {rule.sentence}")
    show(f"gate: {decision.verdict}")
    package_arn = registry.register(
        registry.Candidate(
            model_data_uri=model_data_uri,
            training_job_name=training_job_name,
            evaluation_job_name=job_name,
            evaluation_uri=f"s3://{platform.models_bucket}/{prefix}",
            dataset_version=dataset_version,
            commit_id=commit_id,
            policy_id=evaluation["policy_id"],
            hyperparameters=project.hyperparameters,
            decision=decision,
        ),
        platform,
        sagemaker,
    )
    show(f"model package: {package_arn}")
    champion = evaluation.get("champion")
    remark = ""
    if champion is None:
        remark = "Nothing is live in prod to compare with."
        if champion_uri == model_data_uri:
            remark = "Prod runs this very model."
        elif champion_arn:
            remark = "Not compared with the model live in prod: it knows none of this dataset's labels."
        show(f"  {remark}")
    return Verdict(
        decision=decision,
        package_arn=package_arn,
        metrics=evaluation["candidate"]["metrics"],
        champion_metrics=champion["metrics"] if champion else None,
        report_url=report_url(platform.models_bucket, f"{prefix}report.html", session.region_name),
        remark=remark,
    )


def run_job(
    platform: Platform,
    project: Project,
    archive: UploadedArchive,
    inputs: Mapping[str, str],
    commit_id: str,
    session,
    show: Callable[[str], None],
) -> str:
    """Run the evaluation job, or adopt the one that runs or ran on the same; returns its name once it has finished."""
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    # The gate judges after the job: its rules are no reason to evaluate again
    sections = {name: section for name, section in project.sections.items() if name != "gate"}
    key = fingerprint("evaluate", archive.code_sha256, sections, inputs, platform.processing_image_uri)
    attempt = jobs.choose_attempt(
        jobs.attempt_names(platform.project_name, "evaluate", key),
        status_of=lambda name: getattr(jobs.describe(jobs.PROCESSING, name, sagemaker), "status", None),
        has_output=lambda name: jobs.object_exists(f"{evaluation_uri(platform, name)}evaluation.json", s3),
    )
    if not attempt.adopted:
        request = evaluation_request(attempt.name, platform, archive, commit_id, inputs)
        sagemaker.create_processing_job(**request)
    jobs.wait(jobs.PROCESSING, attempt.name, session, show=show)
    return attempt.name


def evaluation_uri(platform: Platform, job_name: str) -> str:
    """s3:// prefix of an evaluation's files, with a final slash."""
    return f"s3://{platform.models_bucket}/evaluation/{job_name}/"


def evaluation_request(
    job_name: str, platform: Platform, archive: UploadedArchive, commit_id: str, inputs: Mapping[str, str]
) -> dict[str, Any]:
    """CreateProcessingJob's arguments; inputs: candidate, dataset, base_model and, where prod serves one, champion."""
    arguments = ["evaluate.py", "--config", "moderation.yaml"]
    for name in ("candidate", "champion", "dataset", "base_model"):
        if name in inputs:
            arguments += [f"--{name.replace('_', '-')}", f"{ROOT}/input/{name}"]
    arguments += ["--output", f"{ROOT}/output/evaluation"]
    return processing_request(
        job_name,
        platform,
        archive,
        commit_id,
        arguments=arguments,
        inputs=inputs,
        output_name="evaluation",
        output_uri=evaluation_uri(platform, job_name),
    )


def exports(verdict: Verdict) -> dict[str, str]:
    """The variables that the approval shows and the later stages use."""
    summary = f"{verdict.decision.summary} {verdict.remark}".rstrip()
    if len(summary) > SUMMARY_CHARACTERS:
        summary = summary[: SUMMARY_CHARACTERS - 3].rstrip() + "..."
    champion = verdict.champion_metrics or {}
    return {
        "GATE": verdict.decision.verdict,
        "GATE_SUMMARY": summary,
        "MODEL_PACKAGE_ARN": verdict.package_arn,
        "MACRO_AVERAGE_PRECISION": _spoken(verdict.metrics.get(HEADLINE)),
        "MACRO_AUROC": _spoken(verdict.metrics.get("macro_auroc")),
        "MACRO_F1": _spoken(verdict.metrics.get("macro_f1")),
        "CHAMPION_MACRO_AVERAGE_PRECISION": _spoken(champion.get(HEADLINE)),
        "REPORT_URL": verdict.report_url,
    }


def _spoken(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
