"""The product on one machine: where it lives, and how the emulator that runs there is reached.

Nothing here is known to the code that it drives: Terraform, git and boto3 get an AWS_ENDPOINT_URL and no more.
"""

import contextlib
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from release.toolchain.install import terraform_environment

REGION = "us-east-1"
REPOSITORY = "local/moderation"
BRANCH = "main"


class LaptopError(Exception):
    """A step failed; the message says what was found and what to do."""


@dataclass(frozen=True)
class Laptop:
    """Where the local platform lives. Everything is below `directory`, which git ignores."""

    directory: Path = Path(".local")
    """Absolute or relative to the checkout's root, which is the current directory."""
    variables: tuple[tuple[str, object], ...] = ()
    """Terraform variables beside those that a laptop needs."""

    @property
    def emulator_root(self) -> Path:
        """Where the emulator keeps its files."""
        return self.directory / "emulator"

    @property
    def state_file(self) -> Path:
        """Terraform's state of the platform."""
        return self.directory / "platform.tfstate"

    @property
    def platform_root(self) -> Path:
        """The Terraform that is applied: a copy of terraform/ without the settings that a user keeps there for AWS."""
        return self.directory / "platform"

    @property
    def url(self) -> str | None:
        """The running emulator's URL, or None."""
        try:
            url = json.loads((self.emulator_root / "emulator.json").read_text())["url"]
            # An opener without proxies: the address is loopback.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{url}/_emulator/health", timeout=5):
                return url
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return None

    @property
    def process_id(self) -> int | None:
        """Number of the running emulator's process, whether it answers or not; None where none runs."""
        try:
            process_id = json.loads((self.emulator_root / "emulator.json").read_text())["pid"]
        except (OSError, ValueError, KeyError):
            return None
        # The file outlives an emulator that was cut off, and then its number may be anybody's
        return process_id if is_emulator(process_id) else None

    def environment(self, url: str | None = None) -> dict[str, str]:
        """The environment of everything that talks to the emulator: no file of this user's AWS set-up is read."""
        environment = {k: v for k, v in terraform_environment().items() if not k.startswith("AWS_")}
        no_proxy = ",".join(filter(None, [environment.get("NO_PROXY", ""), "127.0.0.1", "localhost"]))
        return environment | aws_settings(url or self._running_url()) | {"NO_PROXY": no_proxy, "no_proxy": no_proxy}

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator's service; who asks for one says of which type it is."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs take names that are written out, not a variable
            endpoint_url=self._running_url(),
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulator takes any key
        )

    def _running_url(self) -> str:
        if url := self.url:
            return url
        raise LaptopError("no emulator runs here: start it with `make up`")


def aws_settings(url: str) -> dict[str, str]:
    """The environment variables that lead to the emulator."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def is_emulator(process_id: int) -> bool:
    """True where the process with this number is one that laptop.emulator_process starts."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(FileNotFoundError):
            return b"\0emulator\0serve\0" in Path(f"/proc/{process_id}/cmdline").read_bytes()
        return False
    # macOS
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(process_id)], capture_output=True, text=True)
    return " emulator serve " in listed.stdout


def copy_terraform(source: Path, copy: Path) -> None:
    """A fresh copy of `source` without what Terraform would load unasked: a user's variables, backend and overrides."""
    loaded_unasked = ("*.tfvars", "*.tfvars.json", "backend*.tf", "*override.tf", "*override.tf.json", ".terraform")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*loaded_unasked))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.rename(path)
