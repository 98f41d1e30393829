"""`python -m release COMMAND`: the stages that CodeBuild runs, and what an operator asks for at a terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from release.aws.failure import StageFailed

if TYPE_CHECKING:
    from release.stages.run import Run


def show(line: str) -> None:
    """One line of progress, at once: a build's log is watched while it runs."""
    print(line, flush=True)


def aws_session() -> boto3.Session:
    """Region and credentials from the environment, as everywhere; retries beyond the default, jobs take long."""
    botocore_session = botocore.session.get_session()
    botocore_session.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 8}))
    # boto3 by itself reads AWS_DEFAULT_REGION only
    session = boto3.Session(botocore_session=botocore_session, region_name=os.environ.get("AWS_REGION"))
    if session.region_name is None:
        raise ValueError("no AWS region is set; export AWS_REGION, for example AWS_REGION=eu-west-1")
    return session


def from_environment(arguments: argparse.Namespace, field: str) -> str:
    """A flag's value, or the environment variable that an earlier stage exported under the same name."""
    value = getattr(arguments, field) or os.environ.get(field.upper())
    if not value:
        raise ValueError(
            f"--{field.replace('_', '-')} is missing; give it, or export {field.upper()}: in the pipeline an earlier "
            "stage exports it"
        )
    return value


def pipeline_run(arguments: argparse.Namespace) -> Run:
    """What a stage is given: by Terraform's variables, moderation.yaml and the commit."""
    from contract.project.file import read_project
    from release.aws.platform import read_platform
    from release.stages.run import Run

    return Run(read_platform(), read_project(), from_environment(arguments, "commit_id"), aws_session(), show)


def prepare(arguments: argparse.Namespace) -> dict[str, str]:
    """Raw data to a published dataset, and the base model to S3."""
    from release.stages import base_model
    from release.stages import prepare as stage
    from release.stages.code_archive import upload_code

    run = pipeline_run(arguments)
    bucket = run.platform.models_bucket
    code, shard_code = (upload_code(door, bucket, run.s3) for door in ("prepare.py", "shard.py"))
    started = stage.start(run, code, shard_code)
    # Staged while the job works
    base_model_uri = base_model.stage_base_model(run.project.base_model, run.platform.data_bucket, run.session, show)
    dataset = stage.finish(run, code, started)
    return {
        "DATASET_VERSION": dataset.version,
        "DATASET_ROWS": dataset.rows_in_words,
        "BASE_MODEL_URI": base_model_uri,
    }


def train(arguments: argparse.Namespace) -> dict[str, str]:
    """A dataset and a base model to model.tar.gz."""
    from release.stages import train as stage
    from release.stages.code_archive import upload_code

    run = pipeline_run(arguments)
    inputs = stage.TrainingInputs(
        from_environment(arguments, "dataset_version"), from_environment(arguments, "base_model_uri")
    )
    model = stage.train(run, upload_code("train.py", run.platform.models_bucket, run.s3), inputs)
    return {"TRAINING_JOB_NAME": model.job_name, "MODEL_DATA_URI": model.model_data_uri}


def evaluate(arguments: argparse.Namespace) -> dict[str, str]:
    """A model to a verdict and a package in the registry."""
    from release.stages import evaluate as stage
    from release.stages.code_archive import upload_code

    run = pipeline_run(arguments)
    inputs = stage.EvaluationInputs(
        dataset_version=from_environment(arguments, "dataset_version"),
        base_model_uri=from_environment(arguments, "base_model_uri"),
        training_job_name=from_environment(arguments, "training_job_name"),
        model_data_uri=from_environment(arguments, "model_data_uri"),
    )
    suite = run.project.evaluation.behaviour
    code = upload_code("evaluate.py", run.platform.models_bucket, run.s3, suite)
    return stage.exports(stage.evaluate(run, code, inputs))


def deploy(arguments: argparse.Namespace) -> dict[str, str]:
    """A package to a live endpoint, checked."""
    from release.aws.platform import read_platform
    from release.stages import deploy as deployment

    return deployment.deploy(
        read_platform(),
        arguments.environment,
        from_environment(arguments, "model_package_arn"),
        arguments.pipeline_execution_id or os.environ.get("PIPELINE_EXECUTION_ID", ""),
        aws_session(),
        show,
        arguments.champion_package_arn or os.environ.get("CHAMPION_PACKAGE_ARN") or None,
    )


def stage(run: Callable[[argparse.Namespace], dict[str, str]]) -> Callable[[argparse.Namespace], int]:
    """A stage as a command: run it, then write what it exports."""

    def command(arguments: argparse.Namespace) -> int:
        from release.stages.variables import write_variables

        exported = run(arguments)
        for name, value in exported.items():
            show(f"{name}={value}")
        if arguments.variables:
            write_variables(arguments.variables, exported)
        return 0

    return command


def status(arguments: argparse.Namespace) -> int:
    from release.operate import operator

    return operator.show_status(aws_session(), arguments.pipeline)


def approve(arguments: argparse.Namespace) -> int:
    from release.operate import operator

    return operator.decide(aws_session(), arguments.pipeline, True, arguments.reason, arguments.execution)


def reject(arguments: argparse.Namespace) -> int:
    from release.operate import operator

    return operator.decide(aws_session(), arguments.pipeline, False, arguments.reason, arguments.execution)


def invoke(arguments: argparse.Namespace) -> int:
    from release.operate import operator

    return operator.invoke(
        aws_session(), arguments.environment, arguments.endpoint, arguments.text, as_json=arguments.json
    )


def trace(arguments: argparse.Namespace) -> int:
    from release.operate import operator
    from release.operate import trace as provenance

    session = aws_session()
    if arguments.answer:
        found = provenance.trace(session, answer=provenance.read_answer(arguments.answer))
    elif arguments.package:
        found = provenance.trace(session, package_arn=arguments.package)
    else:
        name = operator.find_endpoint(session.client("sagemaker"), arguments.environment, arguments.endpoint)
        found = provenance.trace(session, endpoint_name=name)
    show(provenance.as_json(found) if arguments.json else "\n".join(provenance.lines(found)))
    return 1 if found.faults else 0


def check(arguments: argparse.Namespace) -> int:
    from contract.project.file import read_project

    read_project(arguments.config)
    show(f"{arguments.config}: every section can be read")
    return 0


def gate(arguments: argparse.Namespace) -> int:
    import json

    from contract.project.file import read_project
    from release.decision import gate as gates

    if not arguments.evaluation.is_file():
        raise ValueError(f"{arguments.evaluation} does not exist; an Evaluate job leaves it beside its report")
    evaluation = json.loads(arguments.evaluation.read_text(encoding="utf-8"))
    decision = gates.decide(evaluation, read_project(arguments.config).gate)
    for rule in decision.rules:
        show(rule.sentence)
    show(f"gate: {decision.verdict}{' (report only)' if decision.mode == 'report' else ''}")
    return 0 if decision.passed else 1


def logs(arguments: argparse.Namespace) -> int:
    from release.operate import operator

    return operator.show_logs(aws_session(), arguments.pipeline, arguments.stage, arguments.follow)


def teardown(arguments: argparse.Namespace) -> int:
    from release.operate import teardown as takedown

    takedown.teardown(arguments.state_bucket, arguments.model_package_group, aws_session(), show)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add_stage(name: str, run: Callable, help_text: str, inputs: Sequence[str]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.add_argument(
            "--variables", type=Path, metavar="FILE", help="write `export NAME='value'` lines for later stages here"
        )
        for field in inputs:
            sub.add_argument(f"--{field.replace('_', '-')}", help=f"default: environment variable {field.upper()}")
        sub.set_defaults(run=stage(run))
        return sub

    add_stage("prepare", prepare, "make and publish the dataset, stage the base model", ["commit_id"])
    add_stage("train", train, "train on SageMaker", ["dataset_version", "base_model_uri", "commit_id"])
    add_stage(
        "evaluate",
        evaluate,
        "evaluate against baseline and champion, judge, register",
        ["dataset_version", "base_model_uri", "training_job_name", "model_data_uri", "commit_id"],
    )
    deploying = add_stage(
        "deploy",
        deploy,
        "apply terraform/endpoint with a model package and prove that it is live",
        ["model_package_arn", "champion_package_arn", "pipeline_execution_id"],
    )
    deploying.add_argument("--environment", choices=("staging", "prod"), required=True)

    def add_question(name: str, run: Callable, help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text)
        if name not in ("invoke", "trace"):
            sub.add_argument("--pipeline", help="default: PIPELINE_NAME, or the only pipeline there is")
        sub.set_defaults(run=run)
        return sub

    add_question("status", status, "stages, elapsed time, job progress, what waits for approval")
    for name, run in (("approve", approve), ("reject", reject)):
        sub = add_question(name, run, f"{name} the release that waits")
        sub.add_argument("--execution", metavar="ID", help="decide this one or nothing; `status` names it")
        sub.add_argument("--reason", default=f"{name} at a terminal", help="kept with the decision")
    asking = add_question("invoke", invoke, "ask an endpoint about one text or several")
    asking.add_argument("text", nargs="+", help="what to moderate")
    asking.add_argument("--environment", choices=("staging", "prod"), default="prod", help="default: prod")
    asking.add_argument("--endpoint", help="an endpoint's name instead")
    asking.add_argument("--json", action="store_true", help="the answer as it came")
    reading = add_question("logs", logs, "log of the stage that runs or ran last, and of its job")
    reading.add_argument("--stage", help="another stage of the execution")
    reading.add_argument("--follow", action="store_true", help="go on until the execution ends")

    tracing = add_question("trace", trace, "from an endpoint, an answer or a package back to rows and commit")
    tracing.add_argument("--environment", choices=("staging", "prod"), default="prod", help="default: prod")
    tracing.add_argument("--endpoint", help="an endpoint's name instead")
    tracing.add_argument("--answer", type=Path, metavar="FILE", help="an answer, as `invoke --json` prints it, instead")
    tracing.add_argument("--package", metavar="ARN", help="a model package instead")
    tracing.add_argument("--json", action="store_true", help="for machines; exit status 1 where the chain is broken")
    help_text = "read moderation.yaml as the stages do: every mistake, with its key"
    checking = commands.add_parser("check", help=help_text, description=help_text)
    checking.add_argument("--config", type=Path, default=Path("moderation.yaml"), help="default: moderation.yaml")
    checking.set_defaults(run=check)
    judging = commands.add_parser("gate", help="judge an evaluation.json by the rules of moderation.yaml, here and now")
    judging.add_argument("evaluation", type=Path, metavar="FILE", help="evaluation.json")
    judging.add_argument("--config", type=Path, default=Path("moderation.yaml"), help="default: moderation.yaml")
    judging.set_defaults(run=gate)

    help_text = "destroy both endpoints and all model packages; `terraform destroy` of the platform comes after it"
    destroying = commands.add_parser("teardown", help=help_text, description=help_text)
    destroying.add_argument("--state-bucket", required=True, help="terraform output state_bucket")
    destroying.add_argument("--model-package-group", required=True, help="terraform output model_package_group_name")
    destroying.set_defaults(run=teardown)

    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 on success, 1 with one clear text on a failure that was foreseen, 2 on wrong usage."""
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `| head` has seen enough; the interpreter must not flush into the closed pipe either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, StageFailed, ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
