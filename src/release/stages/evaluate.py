"""The Evaluate stage: candidate and champion scored on the same rows, the gate, the registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from contract.model.archive import ARCHIVE
from release.aws import jobs
from release.aws.live import read_live
from release.aws.naming import fingerprint
from release.aws.platform import Platform
from release.aws.s3 import object_exists, read_bytes
from release.decision import model_card, registry
from release.decision.candidate import Candidate
from release.decision.documents import read_evaluation, read_policy
from release.decision.gate import decide
from release.stages.approval import Verdict, remark_on, report_url
from release.stages.code_archive import UploadedCode
from release.stages.processing import ROOT, ProcessingJob, processing_request
from release.stages.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

Content = TypeVar("Content")


@dataclass(frozen=True)
class EvaluationInputs:
    """What is evaluated, and on what."""

    dataset_version: str
    base_model_uri: str
    """s3:// prefix of the encoder before training."""
    training_job_name: str
    model_data_uri: str
    """s3:// of the archive that the training left."""


@dataclass(frozen=True)
class Settings:
    """What decides an evaluation's result beside model, rows and code, as fingerprints."""

    policy_targets: str
    """Of the policy section."""
    evaluation_settings: str
    """Of the evaluation section and of the behaviour cases that it names."""


@dataclass(frozen=True)
class Champion:
    """The package that serves prod."""

    arn: str | None
    """None on the first run; the rest is empty then."""
    package: Mapping[str, Any]
    """As the registry describes it."""

    @property
    def properties(self) -> Mapping[str, str]:
        """What it says about where it comes from."""
        return registry.properties(self.package)


def evaluate(run: Run, code: UploadedCode, inputs: EvaluationInputs) -> Verdict:
    """Evaluate or find the evaluation, apply the gate to its numbers, register the candidate with the verdict."""
    champion = find_champion(run.platform, run.sagemaker)
    run.show(f"champion: {champion.arn or 'none, nothing serves prod yet'}")
    settings = Settings(
        policy_targets=fingerprint("policy", asdict(run.project.policy)),
        evaluation_settings=fingerprint("evaluation", asdict(run.project.evaluation), code.suite_sha256),
    )

    job_name = finished_evaluation(run, champion, inputs, settings)
    if job_name is None:
        job_name = run_job(run, code, job_inputs(run.platform, inputs, champion))
    candidate = read_candidate(run, inputs, job_name, settings)
    show_decision(run, candidate)
    package_arn = register(run, candidate)

    same_model = champion.properties.get("trained_model") == inputs.model_data_uri
    same_policy = champion.properties.get("policy_targets") == settings.policy_targets
    remark = remark_on(candidate.evaluation, champion.arn, same_model, same_policy)
    if remark:
        run.show(f"  {remark}")
    report = f"{output_prefix(job_name)}report.html"
    return Verdict(
        decision=candidate.decision,
        package_arn=package_arn,
        champion_arn=champion.arn,
        evaluation=candidate.evaluation,
        report_url=report_url(run.platform.models_bucket, report, run.session.region_name),
        remark=remark,
    )


def find_champion(platform: Platform, sagemaker: SageMakerClient) -> Champion:
    """The package that serves prod now."""
    live = read_live(platform.prod_endpoint_name, sagemaker)
    arn = live.serving_package_arn if live else None
    return Champion(arn, registry.describe(arn, sagemaker) if arn else {})


def finished_evaluation(run: Run, champion: Champion, inputs: EvaluationInputs, settings: Settings) -> str | None:
    """The job that evaluated the package in prod, where that is this very model, policy and settings; else None."""
    job_name = adoptable(champion.properties, inputs.model_data_uri, settings)
    if job_name and object_exists(f"{evaluation_uri(run.platform, job_name)}evaluation.json", run.s3):
        run.show(f"prod runs this very model with this policy, evaluated by these settings: {job_name} counts")
        return job_name
    return None


def adoptable(champion: Mapping[str, str], trained_model_uri: str, settings: Settings) -> str | None:
    """The evaluation job of the package in prod, where model, targets of its policy and settings are these."""
    same = {"trained_model": trained_model_uri, **asdict(settings)}.items() <= dict(champion).items()
    return champion.get("evaluation_job") if same else None


def job_inputs(platform: Platform, inputs: EvaluationInputs, champion: Champion) -> dict[str, str]:
    """Name to s3:// of what the job reads."""
    named = {
        "candidate": inputs.model_data_uri,
        "dataset": dataset_uri(platform, inputs.dataset_version),
        "base_model": inputs.base_model_uri,
    }
    return {**named, "champion": registry.model_data_uri(champion.package)} if champion.arn else named


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
    attempt = jobs.find_attempt(
        jobs.PROCESSING,
        jobs.attempt_names(platform.project_name, "evaluate", key),
        has_output=lambda name: object_exists(f"{evaluation_uri(platform, name)}evaluation.json", run.s3),
        sagemaker=run.sagemaker,
    )

    if not attempt.adopted:
        job = evaluation_job(platform, attempt.name, inputs)
        run.sagemaker.create_processing_job(**processing_request(run, code, job))
    jobs.wait(jobs.PROCESSING, attempt.name, run.session, show=run.show)
    return attempt.name


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


def read_candidate(run: Run, inputs: EvaluationInputs, job_name: str, settings: Settings) -> Candidate:
    """What an evaluation left, with the gate applied to it."""
    platform, s3 = run.platform, run.s3
    evaluation = read_output(platform, job_name, "evaluation.json", read_evaluation, s3)
    return Candidate(
        model_data_uri=released_model_uri(platform, job_name, inputs.model_data_uri, s3),
        trained_model_uri=inputs.model_data_uri,
        training_job_name=inputs.training_job_name,
        evaluation_job_name=job_name,
        evaluation_uri=evaluation_uri(platform, job_name),
        dataset_uri=dataset_uri(platform, inputs.dataset_version),
        commit_id=run.commit_id,
        hyperparameters=run.project.hyperparameters,
        policy=read_output(platform, job_name, "policy.json", read_policy, s3),
        policy_targets=settings.policy_targets,
        evaluation_settings=settings.evaluation_settings,
        evaluation=evaluation,
        decision=decide(evaluation, run.project.gate),
    )


def read_output(
    platform: Platform, job_name: str, name: str, reader: Callable[[bytes, str], Content], s3: S3Client
) -> Content:
    """A file that an evaluation left. Raises ValueError where it is not there or breaks the contract."""
    uri = f"{evaluation_uri(platform, job_name)}{name}"
    content = read_bytes(uri, s3)
    if content is None:
        raise ValueError(f"{uri} is not there, though its job has completed; retry the stage to evaluate again")
    return reader(content, uri)


def released_model_uri(platform: Platform, job_name: str, trained_model_uri: str, s3: S3Client) -> str:
    """The archive that is released: the trained one, unless the evaluation repackaged it with another policy."""
    repackaged = f"{evaluation_uri(platform, job_name)}{ARCHIVE}"
    return repackaged if object_exists(repackaged, s3) else trained_model_uri


def show_decision(run: Run, candidate: Candidate) -> None:
    """Every rule of the gate, then the verdict."""
    decision = candidate.decision
    for rule in decision.rules:
        run.show(f"  {rule.sentence}")
    run.show(f"gate: {decision.verdict}{' (report only)' if decision.mode == 'report' else ''}")


def register(run: Run, candidate: Candidate) -> str:
    """Write the model card beside the report and register the candidate; returns the package's ARN."""
    run.s3.put_object(
        Bucket=run.platform.models_bucket,
        Key=f"{output_prefix(candidate.evaluation_job_name)}model_card.md",
        Body=model_card.page(candidate, run.platform).encode("utf-8"),
        ContentType="text/markdown; charset=utf-8",
    )
    package_arn = registry.register(candidate, run.platform, run.sagemaker)
    run.show(f"model package: {package_arn}, decision policy {candidate.policy['id']}")
    return package_arn


def output_prefix(job_name: str) -> str:
    """Prefix of an evaluation's files in the models bucket, with a final slash."""
    return f"evaluation/{job_name}/"


def evaluation_uri(platform: Platform, job_name: str) -> str:
    """s3:// prefix of an evaluation's files, with a final slash."""
    return f"s3://{platform.models_bucket}/{output_prefix(job_name)}"


def dataset_uri(platform: Platform, version: str) -> str:
    """s3:// prefix of a prepared dataset, with a final slash."""
    return f"s3://{platform.data_bucket}/prepared/{version}/"
