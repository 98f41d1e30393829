"""Terraform as the tests run it: no credentials, no account, no emulator; downloads go to a temporary directory."""

import os
import subprocess
from pathlib import Path

import pytest

from laptop.machine import copy_terraform

REPOSITORY = Path(__file__).parents[2]


def terraform(root: Path, *arguments: str, data_directory: Path) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        ["terraform", f"-chdir={root}", *arguments],
        capture_output=True,
        text=True,
        env=environment
        | {
            "TF_DATA_DIR": str(data_directory),
            "TF_IN_AUTOMATION": "1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            # each command decodes the provider's whole schema: a fourth of its time went into collecting garbage
            "GOGC": "300",
        },
    )


@pytest.fixture(scope="session")
def initialised(tmp_path_factory):
    """Runs terraform in a root, below a copy of terraform/ without its user's settings, after an init."""
    ready = {}
    copy = tmp_path_factory.mktemp("copy") / "terraform"
    copy_terraform(REPOSITORY / "terraform", copy)

    def run(root: str, *arguments: str) -> subprocess.CompletedProcess:
        directory = copy / root
        if root not in ready:
            ready[root] = tmp_path_factory.mktemp("terraform-data")
            init = ("init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly")
            done = terraform(directory, *init, data_directory=ready[root])
            assert done.returncode == 0, done.stdout + done.stderr
        return terraform(directory, *arguments, data_directory=ready[root])

    return run
