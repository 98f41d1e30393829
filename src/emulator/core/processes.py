"""Child processes of builds and jobs: own process group, output line by line, and none outlives the emulator.

A child is the leader of a process group of its own, so that a signal to the terminal does not reach it and a stop
reaches what it started. Programs that open further sessions (torchrun does for each worker) or that lost their parent
are found by a mark in their environment. A small guard process holds the reading end of a pipe: when the emulator
dies, in whatever way, the guard ends every child that is left.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:  # only then: the guard runs this file by itself
    from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

# What a build image would bring by itself. Everything else of the developer's environment stays outside.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "TF_PLUGIN_CACHE_DIR",
    "TF_CLI_ARGS_init",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)
PASSED_ON_PREFIX = "PIP_"

LONGEST_LINE_BYTES = 200_000  # below CloudWatch's limit for one event (256 KiB)
LINE_BREAK = re.compile(rb"\r\n|\n|\r")


def base_environment(cloud: Cloud) -> dict[str, str]:
    """The minimal environment of a build or job, without credentials (those come from `cloud.credentials`)."""
    environment = {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIX)
    }
    # Terraform refuses to start when this names a file that is not there.
    cli_config = os.environ.get("TF_CLI_CONFIG_FILE", "")
    if cli_config and Path(cli_config).is_file():
        environment["TF_CLI_CONFIG_FILE"] = cli_config

    # Ours may be taken for pip's running inside a build, and proxies must not be asked for the emulator itself.
    no_proxy = os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")
    return environment | {
        "NO_PROXY": ",".join(filter(None, [no_proxy, "127.0.0.1,localhost"])),
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_REGION": cloud.region,
        "AWS_DEFAULT_REGION": cloud.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The developer's own profiles have no place in a build.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",  # so that logs are live
    }


GUARD_GRACE_SECONDS = 2.0

# Stands in the environment of a child and of everything that it starts, whatever sessions that opens and whoever its
# parent is by then. A list: an emulator may run within a build of another one.
MARK = "EMULATOR_CHILD"


class Child:
    """One running child process; made by `start`."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path | str,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
    ):
        self.command = list(command)
        self._on_line = on_line
        self._mark = uuid.uuid4().hex
        self._finished = threading.Event()
        _guard.add(self._mark)

        self._process = subprocess.Popen(
            self.command,
            cwd=cwd,
            env={**environment, MARK: f"{os.environ.get(MARK, '')} {self._mark}".strip()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._read_lines, args=(self._process.stdout.fileno(),), name=f"output-{self.pid}", daemon=True
        )
        self._reader.start()
        threading.Thread(target=self._await_end, name=f"end-{self.pid}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> int | None:
        """Exit status once the process has ended and all its output was delivered; None after `timeout` seconds.

        A process that a signal ended has the negative number of the signal.
        """
        return self._process.returncode if self._finished.wait(timeout) else None

    def running(self) -> bool:
        return not self._finished.is_set()

    def terminate(self, grace_seconds: float = 5.0) -> int:
        """Ends the process and all it started: first asks, after `grace_seconds` kills. Returns the exit status."""
        if self.running():
            _signal_group(self.pid, signal.SIGTERM)
            if not self._finished.wait(grace_seconds):
                kill_marked({self._mark})
        self._finished.wait()
        return self._process.returncode

    def _read_lines(self, output: int) -> None:
        rest = b""
        while chunk := os.read(output, 65536):
            held_back = b""
            rest += chunk
            if rest.endswith(b"\r"):  # perhaps the first half of a line break
                rest, held_back = rest[:-1], b"\r"
            *lines, rest = LINE_BREAK.split(rest)
            for line in lines:
                self._deliver(line)
            while len(rest) > LONGEST_LINE_BYTES:
                self._deliver(rest[:LONGEST_LINE_BYTES])
                rest = rest[LONGEST_LINE_BYTES:]
            rest += held_back
        if rest.rstrip(b"\r"):
            self._deliver(rest.rstrip(b"\r"))

    def _deliver(self, line: bytes) -> None:
        try:
            self._on_line(line.decode("utf-8", errors="replace"))
        except Exception:  # a reader that stops would block the child on a full pipe
            log.exception("the receiver of output lines of process %s failed", self.pid)

    def _await_end(self) -> None:
        self._process.wait()
        # What the leader left behind would hold the pipe open and outlive its job.
        kill_marked({self._mark})
        self._reader.join(timeout=5)
        _guard.remove(self._mark)
        self._finished.set()


def start(
    command: Sequence[str],
    *,
    cwd: Path | str,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
) -> Child:
    """Starts `command` (an argument list) as a process group of its own.

    `environment` is the child's whole environment. `on_line` gets each line of standard output and standard error,
    without its line break, from a thread of its own; a carriage return ends a line as well (progress bars).
    """
    return Child(command, cwd, environment, on_line)


def kill_marked(marks: set[str]) -> None:
    """Kills every process that carries one of `marks`, until there is none (a dying one may start another)."""
    empty_looks = 0
    while empty_looks < 2:  # in the moment of an exec a process shows no environment: one look is not enough
        found = _marked(marks)
        for process in found:
            try:
                process.kill()  # psutil checks that the number was not given to another process meanwhile
            except psutil.NoSuchProcess:
                continue
        empty_looks = 0 if found else empty_looks + 1
        time.sleep(0.01)


def _marked(marks: set[str]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            # A zombie has no environment any more.
            if marks & set(process.environ().get(MARK, "").split()):
                found.append(process)
        except psutil.Error:  # it ended meanwhile, or it is another user's
            continue
    return found


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says "permission" of a group of zombies
        return


class _Guard:
    """The emulator's end of the guard process (see the module's docstring); started with the first child."""

    def __init__(self):
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, mark: str) -> None:
        self._tell(f"+{mark}\n")

    def remove(self, mark: str) -> None:
        self._tell(f"-{mark}\n")

    def _tell(self, message: str) -> None:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    cwd=tempfile.gettempdir(),
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            self._process.stdin.write(message.encode())
            self._process.stdin.flush()


_guard = _Guard()


def guard_main() -> int:
    """The guard: reads `+mark` and `-mark` lines until the emulator is gone, then ends what is left."""
    # A stopped demo signals whole sessions; the guard must outlast them.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left: set[str] = set()
    for line in sys.stdin:
        (left.add if line[0] == "+" else left.discard)(line[1:].strip())
    if left:
        for process in _marked(left):
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GUARD_GRACE_SECONDS
        while _marked(left) and time.monotonic() < deadline:
            time.sleep(0.1)
        kill_marked(left)
    return 0


if __name__ == "__main__":
    sys.exit(guard_main())
