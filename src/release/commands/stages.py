"""The stages that CodeBuild runs: prepare, train, evaluate, deploy."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from contract.project.file import read_project
from release.aws.platform import read_platform
from release.aws.session import aws_session
from release.commands.command import Command, show
from release.stages import approval, base_model
from release.stages import deploy as deploying
from release.stages import evaluate as evaluating
from release.stages import prepare as preparing
from release.stages import train as training
from release.stages.code_archive import upload_code
from release.stages.run import Deployment, Run
from release.stages.variables import write_variables

Variables = dict[str, str]
"""What a stage exports for those after it."""


def prepare(arguments: argparse.Namespace) -> Variables:
    """Raw data to a published dataset, and the base model to S3."""
    run = pipeline_run(arguments)
    bucket = run.platform.models_bucket
    code, shard_code = (upload_code(door, bucket, run.s3) for door in ("prepare.py", "shard.py"))
    started = preparing.start(run, code, shard_code)
    # Staged while the job works
    base_model_uri = base_model.stage_base_model(run.project.base_model, run.platform.data_bucket, run.session, show)
    dataset = preparing.finish(run, code, started)
    return {
        "DATASET_VERSION": dataset.version,
        "DATASET_ROWS": dataset.rows_in_words,
        "BASE_MODEL_URI": base_model_uri,
    }


def train(arguments: argparse.Namespace) -> Variables:
    """A dataset and a base model to model.tar.gz."""
    run = pipeline_run(arguments)
    inputs = training.TrainingInputs(
        from_environment(arguments, "dataset_version"), from_environment(arguments, "base_model_uri")
    )
    model = training.train(run, upload_code("train.py", run.platform.models_bucket, run.s3), inputs)
    return {"TRAINING_JOB_NAME": model.job_name, "MODEL_DATA_URI": model.model_data_uri}


def evaluate(arguments: argparse.Namespace) -> Variables:
    """A model to a verdict and a package in the registry."""
    run = pipeline_run(arguments)
    inputs = evaluating.EvaluationInputs(
        dataset_version=from_environment(arguments, "dataset_version"),
        base_model_uri=from_environment(arguments, "base_model_uri"),
        training_job_name=from_environment(arguments, "training_job_name"),
        model_data_uri=from_environment(arguments, "model_data_uri"),
    )
    suite = run.project.evaluation.behaviour
    code = upload_code("evaluate.py", run.platform.models_bucket, run.s3, suite)
    return approval.exports(evaluating.evaluate(run, code, inputs))


def deploy(arguments: argparse.Namespace) -> Variables:
    """A package to a live endpoint, checked."""
    deployment = Deployment(
        platform=read_platform(),
        environment=arguments.environment,
        package_arn=from_environment(arguments, "model_package_arn"),
        session=aws_session(),
        show=show,
        execution_id=arguments.pipeline_execution_id or os.environ.get("PIPELINE_EXECUTION_ID", ""),
        champion_arn=arguments.champion_package_arn or os.environ.get("CHAMPION_PACKAGE_ARN") or None,
    )
    return deploying.deploy(deployment)


def pipeline_run(arguments: argparse.Namespace) -> Run:
    """What a stage is given: by Terraform's variables, moderation.yaml and the commit."""
    return Run(read_platform(), read_project(), from_environment(arguments, "commit_id"), aws_session(), show)


def from_environment(arguments: argparse.Namespace, field: str) -> str:
    """A flag's value, or the environment variable that an earlier stage exported under the same name."""
    value = getattr(arguments, field) or os.environ.get(field.upper())
    if not value:
        raise ValueError(
            f"--{field.replace('_', '-')} is missing; give it, or export {field.upper()}: in the pipeline an earlier "
            "stage exports it"
        )
    return value


def exporting(stage: Callable[[argparse.Namespace], Variables]) -> Callable[[argparse.Namespace], int]:
    """A stage as a command: run it, then write what it exports."""

    def run(arguments: argparse.Namespace) -> int:
        variables = stage(arguments)
        for name, value in variables.items():
            show(f"{name}={value}")
        if arguments.variables:
            write_variables(arguments.variables, variables)
        return 0

    return run


def taking(inputs: Sequence[str]) -> Callable[[argparse.ArgumentParser], None]:
    """Adds the flags of a stage: where its variables go, and its inputs, which earlier stages export."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--variables", type=Path, metavar="FILE", help="write `export NAME='value'` lines for later stages here"
        )
        for field in inputs:
            parser.add_argument(f"--{field.replace('_', '-')}", help=f"default: environment variable {field.upper()}")

    return add_arguments


def add_deploy_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of deploy."""
    taking(["model_package_arn", "champion_package_arn", "pipeline_execution_id"])(parser)
    parser.add_argument("--environment", choices=("staging", "prod"), required=True)


STAGES = (
    Command(
        "prepare",
        exporting(prepare),
        "make and publish the dataset, stage the base model",
        taking(["commit_id"]),
    ),
    Command(
        "train",
        exporting(train),
        "train on SageMaker",
        taking(["dataset_version", "base_model_uri", "commit_id"]),
    ),
    Command(
        "evaluate",
        exporting(evaluate),
        "evaluate against baseline and champion, apply the gate, register",
        taking(["dataset_version", "base_model_uri", "training_job_name", "model_data_uri", "commit_id"]),
    ),
    Command(
        "deploy",
        exporting(deploy),
        "apply terraform/endpoint with a model package and prove that it is live",
        add_deploy_arguments,
    ),
)
