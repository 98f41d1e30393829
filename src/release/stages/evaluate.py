"""The Evaluate stage: candidate and champion scored on the same rows, the gate, the registration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from release.aws import jobs
from release.aws.live import read_live
from release.aws.naming import fingerprint
from release.aws.platform import Platform
from release.aws.s3 import object_exists
from release.decision import model_card, registry
from release.decision.candidate import Candidate
from release.decision.gate import HEADLINE, Decision, decide
from release.stages.code_archive import UploadedCode
from release.stages.processing import ROOT, ProcessingJob, processing_request
from release.stages.run import Run

# An approval's CustomData holds 1,000 characters for everything that is shown
SUMMARY_CHARACTERS = 280
LABEL_CHARACTERS = 30


@dataclass(frozen=True)
class Verdict:
    """What the Evaluate stage found."""

    decision: Decision
    package_arn: str
    champion_arn: str | None
    """The package that served prod; None on the first run."""
    evaluation: Mapping[str, Any]
    """evaluation.json."""
    report_url: str
    remark: str
    """What the approver must know beside the rules; otherwise empty."""


def champion_package(platform: Platform, sagemaker) -> str | None:
    """ARN of the package that serves prod; None on the first run."""
    live = read_live(platform.prod_endpoint_name, sagemaker)
    return live.serving_package_arn if live else None


def report_url(bucket: str, key: str, region: str) -> str:
    """The S3 console's page of an object: the approver's own permissions decide, nothing is shared by link."""
    return f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={quote(key, safe='/')}"


@dataclass(frozen=True)
class EvaluationInputs:
    """What is evaluated, and on what."""

    dataset_version: str
    base_model_uri: str
    """s3:// prefix of the encoder before training."""
    training_job_name: str
    model_data_uri: str
    """s3:// of the archive that the training left."""


def evaluate(run: Run, code: UploadedCode, inputs: EvaluationInputs) -> Verdict:
    """Evaluate or find the evaluation, apply the gate to its numbers, register the candidate with the verdict."""
    platform, s3, sagemaker, show = run.platform, run.s3, run.sagemaker, run.show
    champion_arn = champion_package(platform, sagemaker)
    show(f"champion: {champion_arn or 'none, nothing serves prod yet'}")
    champion = registry.describe(champion_arn, sagemaker) if champion_arn else {}
    champion_properties = registry.properties(champion)
    targets = fingerprint("policy", asdict(run.project.policy))
    settings = fingerprint("evaluation", asdict(run.project.evaluation), code.suite_sha256)

    job_name = finished_evaluation(run, champion_properties, inputs, targets, settings)
    if job_name is None:
        job_name = run_job(run, code, job_inputs(platform, inputs, champion))
    evaluation = read_output(platform, job_name, "evaluation.json", s3)
    decision = decide(evaluation, run.project.gate)
    for rule in decision.rules:
        show(f"  {rule.sentence}")
    show(f"gate: {decision.verdict}{' (report only)' if decision.mode == 'report' else ''}")

    candidate = Candidate(
        model_data_uri=released_model_uri(platform, job_name, inputs.model_data_uri, s3),
        trained_model_uri=inputs.model_data_uri,
        training_job_name=inputs.training_job_name,
        evaluation_job_name=job_name,
        evaluation_uri=evaluation_uri(platform, job_name),
        dataset_uri=dataset_uri(platform, inputs.dataset_version),
        commit_id=run.commit_id,
        hyperparameters=run.project.hyperparameters,
        policy=read_output(platform, job_name, "policy.json", s3),
        policy_targets=targets,
        evaluation_settings=settings,
        evaluation=evaluation,
        decision=decision,
    )
    s3.put_object(
        Bucket=platform.models_bucket,
        Key=f"{output_prefix(job_name)}model_card.md",
        Body=model_card.page(candidate, platform).encode("utf-8"),
        ContentType="text/markdown; charset=utf-8",
    )
    package_arn = registry.register(candidate, platform, sagemaker)
    show(f"model package: {package_arn}, decision policy {candidate.policy['id']}")

    same_model = champion_properties.get("trained_model") == inputs.model_data_uri
    remark = remark_on(evaluation, champion_arn, same_model, champion_properties.get("policy_targets") == targets)
    if remark:
        show(f"  {remark}")
    return Verdict(
        decision=decision,
        package_arn=package_arn,
        champion_arn=champion_arn,
        evaluation=evaluation,
        report_url=report_url(platform.models_bucket, f"{output_prefix(job_name)}report.html", run.session.region_name),
        remark=remark,
    )


def finished_evaluation(
    run: Run, champion: Mapping[str, str], inputs: EvaluationInputs, targets: str, settings: str
) -> str | None:
    """The job that evaluated the package in prod, where that is this very model, policy and settings; else None."""
    job_name = adoptable(champion, inputs.model_data_uri, targets, settings)
    if job_name and object_exists(f"{evaluation_uri(run.platform, job_name)}evaluation.json", run.s3):
        run.show(f"prod runs this very model with this policy, evaluated by these settings: {job_name} counts")
        return job_name
    return None


def job_inputs(platform: Platform, inputs: EvaluationInputs, champion: Mapping[str, Any]) -> dict[str, str]:
    """Name to s3:// of what the job reads; `champion`: the described package that serves prod, or empty."""
    named = {
        "candidate": inputs.model_data_uri,
        "dataset": dataset_uri(platform, inputs.dataset_version),
        "base_model": inputs.base_model_uri,
    }
    return {**named, "champion": registry.model_data_uri(champion)} if champion else named


def adoptable(
    champion: Mapping[str, str], trained_model_uri: str, policy_targets: str, evaluation_settings: str
) -> str | None:
    """The evaluation job of the package in prod, where model, targets of its policy and settings are these."""
    wanted = {
        "trained_model": trained_model_uri,
        "policy_targets": policy_targets,
        "evaluation_settings": evaluation_settings,
    }
    same = all(champion.get(name) == value for name, value in wanted.items())
    return champion.get("evaluation_job") if same else None


def remark_on(evaluation: Mapping[str, Any], champion_arn: str | None, same_model: bool, same_policy: bool) -> str:
    """What the approver must know beside the rules; empty where the comparison says it all."""
    if evaluation.get("champion") is not None:
        if not same_model:
            return ""
        return f"Prod runs this very model: only the {'evaluation' if same_policy else 'decision policy'} is new."
    if same_model:
        return "Prod runs this very model."
    if champion_arn:
        return f"Not compared with the model live in prod: {evaluation.get('champion_left_out')}."
    return "Nothing is live in prod to compare with."


def released_model_uri(platform: Platform, job_name: str, trained_model_uri: str, s3) -> str:
    """The archive that is released: the trained one, unless the evaluation packed it again with another policy."""
    repacked = f"{evaluation_uri(platform, job_name)}model.tar.gz"
    return repacked if object_exists(repacked, s3) else trained_model_uri


def read_output(platform: Platform, job_name: str, name: str, s3) -> dict[str, Any]:
    """A JSON file that an evaluation left."""
    found = s3.get_object(Bucket=platform.models_bucket, Key=f"{output_prefix(job_name)}{name}")
    return json.loads(found["Body"].read())


def run_job(run: Run, code: UploadedCode, inputs: Mapping[str, str]) -> str:
    """Run the evaluation job, or adopt the one that runs or ran on the same; returns its name once it has finished."""
    platform, project = run.platform, run.project
    key = fingerprint(
        "evaluate",
        (code.code_sha256, code.suite_sha256),
        # the gate is applied after the job: its rules are no reason to evaluate again
        (asdict(project.policy), asdict(project.evaluation)),
        inputs,
        platform.processing_image_uri,
    )
    attempt = jobs.choose_attempt(
        jobs.attempt_names(platform.project_name, "evaluate", key),
        status_of=lambda name: getattr(jobs.describe(jobs.PROCESSING, name, run.sagemaker), "status", None),
        has_output=lambda name: object_exists(f"{evaluation_uri(platform, name)}evaluation.json", run.s3),
    )
    if not attempt.adopted:
        job = evaluation_job(platform, attempt.name, inputs)
        run.sagemaker.create_processing_job(**processing_request(run, code, job))
    jobs.wait(jobs.PROCESSING, attempt.name, run.session, show=run.show)
    return attempt.name


def output_prefix(job_name: str) -> str:
    """Prefix of an evaluation's files in the models bucket, with a final slash."""
    return f"evaluation/{job_name}/"


def evaluation_uri(platform: Platform, job_name: str) -> str:
    """s3:// prefix of an evaluation's files, with a final slash."""
    return f"s3://{platform.models_bucket}/{output_prefix(job_name)}"


def dataset_uri(platform: Platform, version: str) -> str:
    """s3:// prefix of a prepared dataset, with a final slash."""
    return f"s3://{platform.data_bucket}/prepared/{version}/"


def evaluation_job(platform: Platform, job_name: str, inputs: Mapping[str, str]) -> ProcessingJob:
    """The evaluation job; inputs: candidate, dataset, base_model and, where prod serves one, champion."""
    arguments = ["evaluate.py", "--config", "moderation.yaml"]
    for name in ("candidate", "champion", "dataset", "base_model"):
        if name in inputs:
            arguments += [f"--{name.replace('_', '-')}", f"{ROOT}/input/{name}"]
    arguments += ["--output", f"{ROOT}/output/evaluation"]
    return ProcessingJob(
        job_name,
        arguments=tuple(arguments),
        inputs=inputs,
        output_name="evaluation",
        output_uri=evaluation_uri(platform, job_name),
    )


def exports(verdict: Verdict) -> dict[str, str]:
    """The variables that the approval shows and the later stages use."""
    summary = f"{verdict.decision.summary} {verdict.remark}".rstrip()
    if len(summary) > SUMMARY_CHARACTERS:
        summary = summary[: SUMMARY_CHARACTERS - 3].rstrip() + "..."
    evaluation = verdict.evaluation
    metrics = evaluation["candidate"]["metrics"]
    compared = (evaluation.get("comparison") or {}).get("champion") or {}
    return {
        "GATE": verdict.decision.verdict,
        "GATE_SUMMARY": summary,
        "MODEL_PACKAGE_ARN": verdict.package_arn,
        "CHAMPION_PACKAGE_ARN": verdict.champion_arn or "none",
        "POLICY_ID": evaluation["policy_id"],
        "MACRO_AVERAGE_PRECISION": _spoken(metrics.get(HEADLINE)),
        "MACRO_AUROC": _spoken(metrics.get("macro_auroc")),
        "MACRO_F1": _spoken(metrics.get("macro_f1")),
        "CHAMPION_MACRO_AVERAGE_PRECISION": _spoken(
            ((evaluation.get("champion") or {}).get("metrics") or {}).get(HEADLINE)
        ),
        "AGAINST_CHAMPION": _difference(compared.get(HEADLINE)),
        "WORST_LABEL": worst_label(compared.get("labels") or {}),
        "MOST_FLIPS": most_flips(compared.get("flips") or {}),
        "FALSE_POSITIVES_PER_1000_CLEAN": _spoken(metrics.get("false_positives_per_1000_clean"), digits=1),
        "REPORT_URL": verdict.report_url,
    }


def worst_label(differences: Mapping[str, Mapping[str, float | None]]) -> str:
    """The label that lost most, or gained least, against the champion, with its interval; `none` without one."""
    known = {label: found for label, found in differences.items() if found.get("difference") is not None}
    if not known:
        return "none"
    label = min(known, key=lambda each: known[each]["difference"])
    return f"{label[:LABEL_CHARACTERS]} {_difference(known[label])}"


def most_flips(shares: Mapping[str, float | None]) -> str:
    """The label whose flag changes on most test rows, with their share; `none` without a champion."""
    known = {label: share for label, share in shares.items() if share is not None}
    if not known:
        return "none"
    label = max(known, key=lambda each: known[each])
    return f"{label[:LABEL_CHARACTERS]} {known[label]:.1%}"


def _difference(found: Mapping[str, float | None] | None) -> str:
    if not found or found.get("difference") is None:
        return "none"
    return f"{found['difference']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def _spoken(value: float | None, digits: int = 4) -> str:
    return "none" if value is None else f"{value:.{digits}f}"
