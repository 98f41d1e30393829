import json
import os
import subprocess
import sys

import pytest

from laptop import emulator_process, machine
from laptop.machine import Laptop, LaptopError
from laptop.screen import Screen
from release.aws.waiting import Clock


def test_a_child_that_ended_does_not_count_as_running():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not emulator_process.is_running(child.pid)


@pytest.mark.parametrize(("command", "ends"), [("emulator serve --root x", True), ("tests serve --root x", False)])
def test_only_an_emulator_is_stopped_by_the_number_that_it_left(tmp_path, command, ends):
    laptop = Laptop(tmp_path)
    laptop.emulator_root.mkdir()
    # python takes what follows -c for its own arguments
    code = "import time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, *command.split()], stdout=subprocess.PIPE)
    try:
        # a process is young for a moment, without a command line
        process.stdout.readline()
        (laptop.emulator_root / "emulator.json").write_text(json.dumps({"pid": process.pid, "url": "http://gone"}))
        emulator_process.stop_emulator(laptop)
        assert emulator_process.is_running(process.pid) != ends
    finally:
        process.kill()
        process.wait()


def test_a_profile_of_the_user_is_not_asked_for_what_runs_here(tmp_path):
    emulator_process.write_settings(Laptop(tmp_path), "http://127.0.0.1:1")
    (tmp_path / "Makefile").write_text("-include aws.mk\nshow:\n\t@echo $${AWS_PROFILE:-none} $$AWS_ENDPOINT_URL\n")
    environment = {**os.environ, "AWS_PROFILE": "work"}
    for command in (["make", "-s", "show"], ["sh", "-c", ". ./aws.env; echo ${AWS_PROFILE:-none} $AWS_ENDPOINT_URL"]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "none http://127.0.0.1:1\n"


def test_a_live_emulator_that_does_not_answer_keeps_its_files(tmp_path, monkeypatch):
    laptop = Laptop(directory=tmp_path)
    laptop.emulator_root.mkdir()
    ready = json.dumps({"pid": os.getpid(), "url": f"http://127.0.0.1:{emulator_process.free_port()}"})
    (laptop.emulator_root / "emulator.json").write_text(ready)
    monkeypatch.setattr(machine, "is_emulator", lambda process_id: process_id == os.getpid())
    with pytest.raises(LaptopError, match="make down FORCE=1"):
        emulator_process.start_emulator(laptop, Screen())
    assert (laptop.emulator_root / "emulator.json").exists()


class Silent:
    """A process that neither answers nor ends by itself."""

    def __init__(self, ended=None):
        self.ended, self.killed = ended, False

    def poll(self):
        return self.ended

    def kill(self):
        self.killed = True


@pytest.mark.parametrize(
    ("process", "message", "killed"),
    [(Silent(), "did not answer within 60 s", True), (Silent(ended=1), "the emulator ended at its start", False)],
)
def test_an_emulator_that_does_not_come_up_is_told_with_its_log(
    tmp_path, monkeypatch, fake_time, process, message, killed
):
    def start(laptop, log):
        log.parent.mkdir(parents=True)
        log.write_text("port 4566 is taken")
        return process

    monkeypatch.setattr(emulator_process, "start_process", start)
    clock = Clock(fake_time.clock, fake_time.sleep)
    with pytest.raises(LaptopError, match=f"(?s){message}.*port 4566 is taken"):
        emulator_process.start_emulator(Laptop(tmp_path), Screen(), clock)
    assert process.killed == killed
    assert fake_time.now < 61
