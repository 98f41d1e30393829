"""The commands of a build, each in a shell of its own.

A shell takes over the variables and the directory in which the one before it ended, as CodeBuild's own agent does; so
`export NAME=value`, `cd` and `. ./file` last through all phases.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable
from pathlib import Path

from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import FAILED, PhaseEnd
from emulator.core import processes

# `set -a`: what a command assigns is there for the next one, exported or not.
COMMAND_WRAPPER = """\
codebuild_save() {{
  CODEBUILD_LAST_EXIT=$?
  /usr/bin/env -0 > {variables}
  pwd > {directory}
  exit $CODEBUILD_LAST_EXIT
}}
trap codebuild_save EXIT
set -a
. {command}
"""


class Shell:
    """What lasts from command to command: the environment, the directory, and which shell it is."""

    def __init__(self, directory: Path, scratch: Path, log: BuildLog, check_end: Callable[[], None]):
        """`check_end` raises PhaseEnd when the build has to end; `scratch` holds scripts and what they leave."""
        self.name = "sh"
        self.environment: dict[str, str] = {}
        self._directory = directory
        self._scratch = scratch
        self._log = log
        self._check_end = check_end
        self._commands_run = 0

    def run(self, command: str) -> None:
        """Runs one command to its end. Raises PhaseEnd where it fails or the build has to end."""
        self._check_end()
        self._log.say(f"Running command {command}")
        self._commands_run += 1
        script = self._scratch / f"command-{self._commands_run}.sh"
        variables, directory = self._scratch / "variables", self._scratch / "directory"
        script.write_text(command + "\n", encoding="utf-8")
        wrapper = COMMAND_WRAPPER.format(
            command=shlex.quote(str(script)),
            variables=shlex.quote(str(variables)),
            directory=shlex.quote(str(directory)),
        )

        child = processes.start(
            [self.name, "-c", wrapper],
            cwd=self._directory,
            environment=self.environment,
            on_line=self._log.write,
        )
        status = self._await(child)

        script.unlink(missing_ok=True)
        if variables.exists() and directory.exists():
            self.environment = read_variables(variables.read_bytes())
            self._directory = Path(directory.read_text(encoding="utf-8").rstrip("\n"))
            variables.unlink()
            directory.unlink()
        if status != 0:
            raise PhaseEnd(FAILED, "COMMAND_EXECUTION_ERROR", command_failure(self._log.masked(command), status))

    def _await(self, child: processes.Child) -> int:
        while (status := child.wait(0.1)) is None:
            try:
                self._check_end()
            except PhaseEnd:
                child.terminate()
                raise
        return status


def command_failure(command: str, status: int) -> str:
    """The reason of a failed phase: the command and how it ended. What it said is in the log."""
    reason = f"exit status {status}" if status > 0 else f"signal: {signal.Signals(-status).name}"
    return f"Error while executing command: {command.strip()}. Reason: {reason}"


def read_variables(raw: bytes) -> dict[str, str]:
    """The environment that `env -0` wrote, without what is a shell's own."""
    pairs = (entry.partition("=") for entry in raw.decode("utf-8", errors="surrogateescape").split("\0") if entry)
    own = {processes.MARK, "_", "SHLVL"}
    return {name: value for name, _, value in pairs if name not in own}
