"""Child processes: their output, their end, and that none outlives who started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import gone, wait_until

from emulator.core import processes

SOURCE = Path(processes.__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def start(script: str, lines: list[str], tmp_path) -> processes.Child:
    return processes.start(["bash", "-c", script], cwd=tmp_path, environment=ENVIRONMENT, on_line=lines.append)


def test_every_line_arrives_before_the_status(tmp_path):
    lines: list[str] = []
    child = start(r"printf 'a\r\nb\rc\n\nlast'; echo error >&2; exit 3", lines, tmp_path)
    assert child.wait(5) == 3
    assert lines[:4] == ["a", "b", "c", ""]
    assert "".join(lines[4:]) == "lasterror"


def test_bytes_that_are_no_text_and_endless_lines_do_no_harm(tmp_path):
    lines: list[str] = []
    child = start(r"printf '\xff\n'; head -c 500000 /dev/zero | tr '\0' x", lines, tmp_path)
    assert child.wait(10) == 0
    assert lines[0] == "\ufffd"
    assert sum(map(len, lines[1:])) == 500_000
    assert max(map(len, lines)) <= processes.LONGEST_LINE_BYTES


# more than a pipe holds
LOUD = r"for i in 1 2 3 4; do head -c 50000 /dev/zero | tr '\0' x; echo; done"


def test_a_failing_receiver_does_not_block_the_child(tmp_path):
    def fail(line: str) -> None:
        raise RuntimeError(line)

    child = processes.start(["bash", "-c", LOUD], cwd=tmp_path, environment=ENVIRONMENT, on_line=fail)
    assert child.wait(10) == 0


def test_waiting_has_an_end_while_the_child_runs(tmp_path):
    child = start("sleep 30", [], tmp_path)
    assert child.wait(0.05) is None
    assert child.running()
    assert child.terminate() == -signal.SIGTERM
    assert not child.running()


def test_terminate_asks_first(tmp_path):
    lines: list[str] = []
    child = start("trap 'echo goodbye; exit 0' TERM; echo ready; while true; do sleep 0.05; done", lines, tmp_path)
    wait_until(lambda: lines)
    assert child.terminate() == 0
    assert lines[-1] == "goodbye"


def test_terminate_kills_what_does_not_listen_even_in_sessions_of_its_own(tmp_path):
    lines: list[str] = []
    child = start("setsid sleep 300 & echo $!; trap '' TERM; echo ready; sleep 300; sleep 300", lines, tmp_path)
    wait_until(lambda: "ready" in lines)
    assert child.terminate(grace_seconds=0.3) == -signal.SIGKILL
    assert gone(int(lines[0]))


def test_what_a_child_leaves_behind_ends_with_it(tmp_path):
    lines: list[str] = []
    child = start("setsid sleep 300 & echo $!", lines, tmp_path)
    assert child.wait(5) == 0
    assert gone(int(lines[0]))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_die_with_the_process_that_started_them(tmp_path, number):
    program = (
        "import sys, time; from emulator.core import processes\n"
        "processes.start(['bash', '-c', 'setsid sleep 300 & echo $!; sleep 300'], cwd='.', "
        "environment={'PATH': '/usr/bin:/bin'}, on_line=lambda line: print(line, flush=True))\n"
        "time.sleep(300)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
    )
    grandchild = int(starter.stdout.readline())
    starter.send_signal(number)
    starter.wait()
    starter.stdout.close()
    wait_until(lambda: gone(grandchild))


def test_the_environment_of_a_build_is_the_images_and_the_emulators(monkeypatch, tmp_path):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name in ("PATH", "HOME", "PIP_INDEX_URL", "TF_CLI_ARGS_init", "AWS_PROFILE", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "given")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "absent"))
    cloud = SimpleNamespace(url="http://127.0.0.1:1", region="eu-west-1")
    found = processes.base_environment(cloud)
    assert {name for name, value in found.items() if value == "given"} == {
        "PATH",
        "HOME",
        "PIP_INDEX_URL",
        "TF_CLI_ARGS_init",
    }
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert "TF_CLI_CONFIG_FILE" not in found
    (tmp_path / "absent").touch()
    assert processes.base_environment(cloud)["TF_CLI_CONFIG_FILE"] == str(tmp_path / "absent")
