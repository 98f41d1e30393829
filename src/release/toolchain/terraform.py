"""Runs Terraform on terraform/endpoint."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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


def terraform_settings(work: Path, region: str) -> dict[str, str]:
    """The environment of terraform commands that share the directory `work`."""
    return {
        **os.environ,
        # Beside the checkout, not in it: staging and prod of one checkout have a backend each
        "TF_DATA_DIR": str(work / "terraform-data"),
        "TF_IN_AUTOMATION": "1",
        "AWS_REGION": region,
    }


def run_terraform(arguments: Sequence[str], environ: Mapping[str, str], show: Callable[[str], None]) -> TerraformRun:
    """Run terraform in its root with its output shown line by line."""
    binary = shutil.which("terraform")
    if binary is None:
        raise ValueError("terraform is not on PATH; install Terraform 1.11 or newer, as the deploy buildspec does")
    show(f"$ terraform {arguments[0]}")
    begun = time.monotonic()
    process = subprocess.Popen(
        [binary, f"-chdir={TERRAFORM_ROOT}", *arguments],
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line.rstrip())
            show(f"  {lines[-1]}")
    return TerraformRun(process.returncode, error_lines(lines), time.monotonic() - begun)


def error_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """From terraform's output the beginning of each error, at most ERROR_LINES of it; no empty lines."""
    found: list[str] = []
    begin = None
    for index, line in enumerate(lines):
        if line.startswith("Error: "):
            begin = index
        if begin is not None and index - begin < ERROR_LINES and line.strip():
            found.append(line.strip())
    return tuple(found)
