"""What the pages tell a person to type exists, and takes the options that they name."""

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from release.__main__ import build_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def commands(page: Path, start: str) -> list[str]:
    """The commands of a page that begin so: lines of its code blocks and code between backticks."""
    found = re.findall(
        rf"^(?:\$ )?({start}.*?)(?: +#.*)?$|`(?:PYTHONPATH=src )?({start}[^`]*)`", page.read_text(), re.M
    )
    return [line or span for line, span in found]


def of_all_pages(start: str) -> list:
    return [pytest.param(one, id=f"{page.name}: {one}") for page in PAGES for one in commands(page, start)]


@pytest.mark.parametrize("command", of_all_pages("make "))
def test_make_has_the_target_and_reads_the_variables(command):
    makefile = (ROOT / "Makefile").read_text()
    targets = " ".join(re.findall(r"^([a-z][a-z0-9 -]*):", makefile, re.MULTILINE)).split()
    for word in shlex.split(command)[1:]:
        variable, given, _ = word.partition("=")
        if given:
            assert re.search(rf"\$\({variable}\)|\(value {variable}\)|\${{?{variable}\b", makefile), command
        else:
            assert word in targets, command


@pytest.mark.parametrize("command", of_all_pages("python -m release [a-z]"))
def test_the_release_command_takes_these_arguments(command):
    arguments = shlex.split(command)[3:]
    assert build_parser().parse_args(arguments).command == arguments[0]


@functools.cache
def usage(*command: str) -> str:
    """What `--help` says first."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"], cwd=ROOT / "src", capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n\n")[0]


@pytest.mark.parametrize("command", of_all_pages("python -m (?!release|pip)"))
def test_another_module_takes_these_options_and_asks_for_no_other(command):
    words = shlex.split(re.sub(r"[][]", "", command))[2:]
    options = {word for word in words if word.startswith("--")} - {"--help"}
    named = usage(*words[: 2 if len(words) > 1 and not words[1].startswith("-") else 1])
    assert options <= set(re.findall(r"--[a-z-]+", named)), named
    required = set(re.findall(r"--[a-z-]+", re.sub(r"\[.*?\]|\(.*?\)", "", named, flags=re.DOTALL)))
    assert not options or required <= options, named


def test_commands_were_found():
    starts = ("make ", "python -m release [a-z]", "python -m (?!release|pip)")
    assert [len(of_all_pages(start)) > least for start, least in zip(starts, (20, 20, 4), strict=True)] == [True] * 3
