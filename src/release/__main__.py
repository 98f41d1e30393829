"""`python -m release COMMAND`: the stages that CodeBuild runs, and what an operator asks for at a terminal."""

import argparse
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from release import __version__
from release.aws.failure import StageFailed
from release.commands.checkout import CHECKS
from release.commands.operate import QUESTIONS
from release.commands.stages import STAGES


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


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (*STAGES, *QUESTIONS, *CHECKS):
        subparser = subparsers.add_parser(command.name, help=command.purpose, description=command.purpose)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
