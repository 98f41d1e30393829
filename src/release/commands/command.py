"""One command of `python -m release`, as its module describes it and the parser takes it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


def show(line: str) -> None:
    """One line of progress, at once: a build's log is watched while it runs."""
    print(line, flush=True)


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command that takes none."""


@dataclass(frozen=True)
class Command:
    """A word on the command line, and what it does."""

    name: str
    run: Callable[[argparse.Namespace], int]
    """Takes the arguments, gives the exit status."""
    purpose: str
    """In one line, for --help."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    """Adds what it takes to its parser."""
