"""What an operator asks for at a terminal, of AWS or of the emulator."""

import argparse
from functools import partial
from pathlib import Path

from release.aws.session import aws_session
from release.commands.command import Command, show
from release.operate import decide as deciding
from release.operate import invoke as invoking
from release.operate import logs as logging
from release.operate import status as asking
from release.operate import teardown as takedown
from release.operate import trace as tracing
from release.operate.find import find_endpoint


def status(arguments: argparse.Namespace) -> int:
    """Where the pipeline stands."""
    return asking.show_status(aws_session(), arguments.pipeline)


def decide(approve: bool, arguments: argparse.Namespace) -> int:
    """Approve or reject what waits."""
    answer = deciding.ApprovalAnswer(approve, arguments.reason, arguments.execution)
    return deciding.decide(aws_session(), arguments.pipeline, answer)


def invoke(arguments: argparse.Namespace) -> int:
    """An endpoint's answer."""
    return invoking.invoke(
        aws_session(), arguments.environment, arguments.endpoint, arguments.text, as_json=arguments.json
    )


def logs(arguments: argparse.Namespace) -> int:
    """What a stage writes."""
    return logging.show_logs(aws_session(), arguments.pipeline, arguments.stage, arguments.follow)


def trace(arguments: argparse.Namespace) -> int:
    """The chain back to rows and commit; 1 where it is broken."""
    session = aws_session()
    if arguments.answer:
        chain = tracing.trace(session, answer=tracing.read_answer(arguments.answer))
    elif arguments.package:
        chain = tracing.trace(session, package_arn=arguments.package)
    else:
        name = find_endpoint(session.client("sagemaker"), arguments.environment, arguments.endpoint)
        chain = tracing.trace(session, endpoint_name=name)
    show(tracing.as_json(chain) if arguments.json else "\n".join(tracing.lines(chain)))
    return 1 if chain.faults else 0


def teardown(arguments: argparse.Namespace) -> int:
    """Both endpoints and all model packages are gone."""
    takedown.teardown(arguments.state_bucket, arguments.model_package_group, aws_session(), show)
    return 0


def add_pipeline(parser: argparse.ArgumentParser) -> None:
    """Which pipeline is meant."""
    parser.add_argument("--pipeline", help="default: PIPELINE_NAME, or the only pipeline there is")


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Which endpoint is meant."""
    parser.add_argument("--environment", choices=("staging", "prod"), default="prod", help="default: prod")
    parser.add_argument("--endpoint", help="an endpoint's name instead")


def add_decision_arguments(word: str, parser: argparse.ArgumentParser) -> None:
    """The flags of approve and reject."""
    add_pipeline(parser)
    parser.add_argument("--execution", metavar="ID", help="decide this one or nothing; `status` names it")
    parser.add_argument("--reason", default=f"{word} at a terminal", help="kept with the decision")


def add_invoke_arguments(parser: argparse.ArgumentParser) -> None:
    """Texts, endpoint, form of the answer."""
    parser.add_argument("text", nargs="+", help="what to moderate")
    add_endpoint(parser)
    parser.add_argument("--json", action="store_true", help="the answer as it came")


def add_logs_arguments(parser: argparse.ArgumentParser) -> None:
    """Pipeline, stage, whether to go on."""
    add_pipeline(parser)
    parser.add_argument("--stage", help="another stage of the execution")
    parser.add_argument("--follow", action="store_true", help="go on until the execution ends")


def add_trace_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the chain starts, form of the answer."""
    add_endpoint(parser)
    parser.add_argument("--answer", type=Path, metavar="FILE", help="an answer, as `invoke --json` prints it, instead")
    parser.add_argument("--package", metavar="ARN", help="a model package instead")
    parser.add_argument("--json", action="store_true", help="for machines; exit status 1 where the chain is broken")


def add_teardown_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the endpoints' state lies, and the group of packages."""
    parser.add_argument("--state-bucket", required=True, help="terraform output state_bucket")
    parser.add_argument("--model-package-group", required=True, help="terraform output model_package_group_name")


QUESTIONS = (
    Command("status", status, "stages, elapsed time, job progress, what waits for approval", add_pipeline),
    *(
        Command(
            word,
            partial(decide, word == "approve"),
            f"{word} the release that waits",
            partial(add_decision_arguments, word),
        )
        for word in ("approve", "reject")
    ),
    Command("invoke", invoke, "ask an endpoint about one text or several", add_invoke_arguments),
    Command("logs", logs, "log of the stage that runs or ran last, and of its job", add_logs_arguments),
    Command("trace", trace, "from an endpoint, an answer or a package back to rows and commit", add_trace_arguments),
    Command(
        "teardown",
        teardown,
        "destroy both endpoints and all model packages; `terraform destroy` of the platform comes after it",
        add_teardown_arguments,
    ),
)
