"""The commands of a build, one after the other."""

import os

import pytest

from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import STOPPED, PhaseEnd
from emulator.codebuild.shell import Shell, command_failure, read_variables


@pytest.fixture
def shell(tmp_path):
    (tmp_path / "scratch").mkdir()
    made = Shell(tmp_path, tmp_path / "scratch", BuildLog(), check_end=lambda: None)
    made.environment = {"PATH": os.environ["PATH"]}
    return made


def test_variables_and_directory_last_until_the_next_command(shell, tmp_path):
    for command in ("A='1 2'", "mkdir below; cd below", 'echo "$A" > made'):
        shell.run(command)
    assert (tmp_path / "below" / "made").read_text() == "1 2\n"
    assert shell.environment["A"] == "1 2"
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == []


def test_a_command_that_fails_ends_the_phase_and_what_it_set_stays(shell):
    with pytest.raises(PhaseEnd, match="Reason: exit status 3"):
        shell.run("A=kept; exit 3")
    assert shell.environment["A"] == "kept"


def test_a_build_that_has_to_end_ends_its_command(shell, tmp_path):
    def check_end():
        if (tmp_path / "begun").exists():
            raise PhaseEnd(STOPPED, "STOPPED", "The build was stopped.")

    shell._check_end = check_end
    with pytest.raises(PhaseEnd, match="The build was stopped"):
        shell.run("touch begun; sleep 60")


def test_a_failure_by_signal_names_the_signal():
    assert command_failure("train", -9) == "Error while executing command: train. Reason: signal: SIGKILL"


def test_what_a_shell_adds_by_itself_is_no_variable_of_the_build():
    raw = b"A=1\0B=x=y\nz\0_=/usr/bin/env\0SHLVL=1\0EMULATOR_CHILD=mark\0"
    assert read_variables(raw) == {"A": "1", "B": "x=y\nz"}
