"""Starts Terraform, and runs it on terraform/endpoint.

Two rooms run it, with one way to start it. Here its output is shown as a person would read it, and a run that is
interrupted is waited for: the state on AWS must be whole. On a laptop (laptop.platform) it runs with -json, so that
resources can be counted on one moving line, and is ended with the command that wanted it: the state goes with the
emulator.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from release.toolchain.install import terraform_environment

TERRAFORM_ROOT = Path("terraform/endpoint")
ERROR_LINES = 8


@dataclass(frozen=True)
class TerraformRun:
    """How a terraform command ended."""

    status: int
    """Its exit status; 0 is success."""
    errors: tuple[str, ...] = ()
    """The first lines of each error it printed."""
    seconds: float = field(default=0.0, compare=False)


def run_terraform(arguments: Sequence[str], environ: Mapping[str, str], show: Callable[[str], None]) -> TerraformRun:
    """Run terraform on terraform/endpoint with its output shown line by line."""
    command = terraform_command(TERRAFORM_ROOT, arguments)
    show(f"$ terraform {arguments[0]}")
    begun = time.monotonic()
    lines = []
    with start_terraform(command, environ) as process:
        for line in output_lines(process):
            lines.append(line)
            show(f"  {line}")
    return TerraformRun(process.returncode, error_lines(lines), time.monotonic() - begun)


def terraform_command(root: Path, arguments: Sequence[str]) -> list[str]:
    """The command line of terraform on a root module. Raises ValueError where there is no terraform."""
    binary = shutil.which("terraform")
    if binary is None:
        raise ValueError("terraform is not on PATH; install Terraform 1.11 or newer, as the deploy buildspec does")
    return [binary, f"-chdir={root}", *arguments]


def terraform_settings(data_directory: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of terraform commands that share a data directory: providers, modules, the chosen backend."""
    settings = {"TF_DATA_DIR": str(data_directory), "TF_IN_AUTOMATION": "true", "TF_INPUT": "0"}
    return terraform_environment(environ) | settings


def start_terraform(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Terraform as a process whose output and errors come in one stream, as text."""
    return subprocess.Popen(command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output_lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What a started process prints, line by line as it comes."""
    assert process.stdout is not None, "start_terraform asks for it"
    for line in process.stdout:
        yield line.rstrip()


def error_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """From terraform's output the beginning of each error, at most ERROR_LINES of it; no empty lines."""
    kept: list[str] = []
    begin = None
    for index, line in enumerate(lines):
        if line.startswith("Error: "):
            begin = index
        if begin is not None and index - begin < ERROR_LINES and line.strip():
            kept.append(line.strip())
    return tuple(kept)


def backend_arguments(state_bucket: str, kms_key_arn: str, environment: str, region: str) -> list[str]:
    """`terraform init` arguments of the partial S3 backend."""
    settings = {
        "bucket": state_bucket,
        "key": f"endpoint/{environment}/terraform.tfstate",
        "region": region,
        "use_lockfile": "true",
        "encrypt": "true",
        "kms_key_id": kms_key_arn,
    }
    return [f"-backend-config={key}={value}" for key, value in settings.items()]
