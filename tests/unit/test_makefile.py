"""What the Makefile hands on, with a python that only writes down how it was called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATING = ("status", "approve", "reject", "invoke", "logs")


@pytest.fixture
def make(tmp_path):
    """make(*arguments) -> (exit status, output, arguments that python got) in an empty checkout."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".local/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    python.chmod(0o755)
    # As in a build: there nothing is set up first.
    environment = {"PATH": os.environ["PATH"], "CODEBUILD_BUILD_ID": "b"}

    def run(*arguments: str) -> tuple[int, str, list[str]]:
        called = tmp_path / "called"
        called.unlink(missing_ok=True)
        done = subprocess.run(["make", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, called.read_text().splitlines() if called.exists() else []

    return run


@pytest.fixture
def emulator_runs(tmp_path):
    (tmp_path / ".local").mkdir(exist_ok=True)
    (tmp_path / ".local/aws.mk").touch()


@pytest.mark.parametrize("target", OPERATING)
def test_a_target_for_the_laptop_never_asks_the_users_aws_account(make, target):
    status, output, called = make(target, "TEXT=hello")
    assert status != 0
    assert not called
    assert "no emulator runs here: `make up`" in output
    assert f"`python -m release {target}`" in output


@pytest.mark.parametrize("target", OPERATING)
def test_a_target_for_the_laptop_asks_the_emulator_that_runs(make, emulator_runs, target):
    status, output, called = make(target, "TEXT=hello")
    assert status == 0, output
    assert called[:3] == ["-m", "release", target]


def test_a_text_reaches_the_command_as_it_was_given(make, emulator_runs, tmp_path):
    text = '`touch run` "quoted" $$(touch run) 5 $$'
    _, _, called = make("invoke", f"TEXT={text}")
    assert called[-1] == text.replace("$$", "$")
    _, _, called = make("reject", f"REASON={text}")
    assert called[-2:] == ["--reason", text.replace("$$", "$")]
    assert not (tmp_path / "run").exists()


def test_the_execution_that_was_read_is_the_one_decided(make, emulator_runs):
    assert make("approve", "EXECUTION=e-1")[2] == ["-m", "release", "approve", "--execution", "e-1"]


def test_a_missing_text_is_asked_for(make, emulator_runs):
    status, output, called = make("invoke")
    assert status != 0
    assert not called
    assert "TEXT=..." in output


def test_clean_leaves_the_files_of_a_running_emulator(make, tmp_path):
    (tmp_path / ".local/emulator").mkdir(parents=True)
    (tmp_path / ".local/aws.mk").touch()
    status, output, _ = make("clean")
    assert status != 0
    assert "`make down` first" in output
    assert (tmp_path / ".local/emulator").exists()
    (tmp_path / ".local/aws.mk").unlink()
    assert make("clean")[0] == 0
    assert not (tmp_path / ".local/emulator").exists()
