"""The emulator as a process of this machine: started, asked whether it answers, stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from laptop.machine import Laptop, LaptopError, aws_settings
from laptop.screen import Screen
from release.aws.waiting import REAL_TIME, Clock, wait_for
from release.toolchain.install import terraform_environment

TIME_SCALE = 60  # the ten minutes in which alarms watch a canary take ten seconds on a laptop
START_SECONDS = 60
STOP_SECONDS = 20
POLL_SECONDS = 0.1
# A profile of this user is in none of the files that the settings name, and would be an error
UNSET_VARIABLES = "AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN"


def start_emulator(laptop: Laptop, screen: Screen, clock: Clock = REAL_TIME) -> str:
    """URL of the emulator, started unless it runs already. A stopped one leaves nothing worth keeping."""
    if url := laptop.url:
        screen.line(f"emulator   running at {url}")
        return url
    check_answers(laptop)
    remove_leftovers(laptop)

    log = laptop.emulator_root / "emulator.log"
    process = start_process(laptop, log)
    wait_for(lambda: laptop.url is not None or process.poll() is not None, START_SECONDS, POLL_SECONDS, clock)
    if url := laptop.url:
        write_settings(laptop, url)
        screen.line(f"emulator   {url}")
        return url

    if process.poll() is not None:
        raise LaptopError(f"the emulator ended at its start:\n{tail(log)}")
    process.kill()
    raise LaptopError(f"the emulator did not answer within {START_SECONDS} s; the end of {log}:\n{tail(log)}")


def stop_emulator(laptop: Laptop, clock: Clock = REAL_TIME) -> None:
    """Ends the emulator and all that it started."""
    for settings in ("aws.env", "aws.mk"):
        (laptop.directory / settings).unlink(missing_ok=True)
    process_id = laptop.process_id
    if process_id is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGTERM)
    if not wait_for(lambda: not is_running(process_id), STOP_SECONDS, POLL_SECONDS, clock):
        os.kill(process_id, signal.SIGKILL)
    (laptop.emulator_root / "emulator.json").unlink(missing_ok=True)


def check_answers(laptop: Laptop) -> None:
    """LaptopError where an emulator runs and does not answer: it is busy, not gone, and its files are in use."""
    if laptop.url is None and (process_id := laptop.process_id):
        raise LaptopError(
            f"the emulator runs as process {process_id} and did not answer within 5 s: run the command again when the "
            "machine is less busy, or end it with `make down FORCE=1`"
        )


def remove_leftovers(laptop: Laptop) -> None:
    """What an emulator that runs no more left: its files, and Terraform's state of what was in it."""
    for directory in (laptop.emulator_root, laptop.platform_root, laptop.directory / "terraform-platform"):
        shutil.rmtree(directory, ignore_errors=True)
    for state in laptop.directory.glob("platform.tfstate*"):
        state.unlink()


def start_process(laptop: Laptop, log: Path) -> subprocess.Popen[bytes]:
    """The emulator on a free port, with what it prints in a file; it answers a moment later."""
    laptop.emulator_root.mkdir(parents=True)
    root, port = str(laptop.emulator_root), str(free_port())
    command = [sys.executable, "-m", "emulator", "serve", "--root", root, "--port", port]
    with log.open("wb") as output:
        # A session of its own: it outlives this command when it is to be kept.
        return subprocess.Popen(
            [*command, "--time-scale", str(TIME_SCALE)],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=terraform_environment(),
            start_new_session=True,
        )


def write_settings(laptop: Laptop, url: str) -> None:
    """`.local/aws.env` for a shell and `.local/aws.mk` for make: how to reach the emulator."""
    settings = aws_settings(url)
    shell = f"unset {UNSET_VARIABLES}\n" + "".join(f"export {k}={v}\n" for k, v in settings.items())
    make = f"unexport {UNSET_VARIABLES}\n" + "".join(f"export {k} := {v}\n" for k, v in settings.items())
    (laptop.directory / "aws.env").write_text(shell)
    (laptop.directory / "aws.mk").write_text(make)


def is_running(process_id: int) -> bool:
    """False also for a child of ours that has ended and waits to be reaped."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process_id, os.WNOHANG)
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
