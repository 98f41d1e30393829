"""The tools that are not Python packages of this project: Terraform and checkov, where PATH lacks them.

Standard library only: it runs before anything is installed.

    python -m release.toolchain.install terraform   Terraform into .local/bin (the deploy builds)
    python -m release.toolchain.install tools       checkov beside it (the Check build)
"""

import argparse
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

TERRAFORM_VERSION = "1.11.4"
OLDEST_TERRAFORM = (1, 11, 0)  # S3 state locking without DynamoDB
TERRAFORM_ZIP_SHA256 = {
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
}
CHECKOV_REQUIREMENTS = Path("requirements/checkov.txt")
PYTHON_VERSIONS = ((3, 11, 4), (3, 13))  # 3.11.4 brought tarfile's filter="data" to 3.11


class MissingTool(Exception):
    """Something the machine lacks; the message is one sentence that ends with how to fix it."""


def install_terraform(binaries: Path) -> str:
    """Path of a Terraform of at least OLDEST_TERRAFORM: the one on PATH, or a pinned, verified download."""
    for candidate in (str(binaries / "terraform"), shutil.which("terraform")):
        if candidate and (version := terraform_version(candidate)) and version >= OLDEST_TERRAFORM:
            return candidate

    name = f"terraform_{TERRAFORM_VERSION}_{this_platform()}.zip"
    if this_platform() not in TERRAFORM_ZIP_SHA256:
        raise MissingTool(
            f"Terraform {TERRAFORM_VERSION} has no pinned download for {this_platform()}: put a terraform of at least "
            f"{'.'.join(map(str, OLDEST_TERRAFORM))} on PATH and run the command again."
        )
    url = f"https://releases.hashicorp.com/terraform/{TERRAFORM_VERSION}/{name}"
    say(f"downloading {url}")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            archive = verified(answer.read(), TERRAFORM_ZIP_SHA256[this_platform()], name)
    except (urllib.error.URLError, TimeoutError) as error:
        raise MissingTool(
            f"Terraform is not on PATH and {url} is out of reach ({error}): install Terraform {TERRAFORM_VERSION} by "
            "hand, put it on PATH and run the command again."
        ) from error

    binaries.mkdir(parents=True, exist_ok=True)
    temporary = binaries / ".terraform.part"
    temporary.write_bytes(zipfile.ZipFile(io.BytesIO(archive)).read("terraform"))
    temporary.chmod(0o755)
    temporary.rename(binaries / "terraform")
    return str(binaries / "terraform")


def terraform_version(binary: str) -> tuple[int, ...] | None:
    """The version of a Terraform binary, or None when it doesn't run."""
    try:
        output = subprocess.run(
            [binary, "version", "-json"], capture_output=True, text=True, env=terraform_environment(), timeout=60
        ).stdout
        return tuple(int(part) for part in re.findall(r"\d+", json.loads(output)["terraform_version"])[:3])
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return None


def terraform_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment without a TF_CLI_CONFIG_FILE that names no file: Terraform would refuse to start."""
    environment = dict(environ)
    config = environment.get("TF_CLI_CONFIG_FILE")
    if config and not Path(config).is_file():
        del environment["TF_CLI_CONFIG_FILE"]
    return environment


def this_platform() -> str:
    """`<os>_<architecture>` as HashiCorp names its downloads, for example `linux_amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{architecture}"


def verified(content: bytes, sha256: str, name: str) -> bytes:
    """`content` when its digest is the pinned one; raises MissingTool otherwise."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise MissingTool(
            f"{name} has sha256 {digest}, expected {sha256}: the download was altered on the way; try another network."
        )
    return content


def install_checkov(binaries: Path, environment: Path) -> None:
    """checkov in an environment of its own, because its pins clash with ours; linked into `binaries`."""
    if shutil.which("checkov") or (binaries / "checkov").exists():
        return
    say("installing checkov into an environment of its own")
    install_packages(environment, ["-r", str(CHECKOV_REQUIREMENTS)])
    binaries.mkdir(parents=True, exist_ok=True)
    (binaries / "checkov").unlink(missing_ok=True)
    (binaries / "checkov").symlink_to((environment / "bin/checkov").resolve())


def install_packages(environment: Path, *pip_arguments: list[str]) -> None:
    """A virtual environment at `environment` with `pip install` run once for each argument list."""
    if not (environment / "bin/pip").exists():  # pip comes last: without it the environment is half-made
        make_environment(environment)
    for arguments in pip_arguments:
        command = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", *arguments]
        done = subprocess.run(
            command, text=True, stderr=subprocess.PIPE, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
            raise MissingTool(
                f"`{' '.join(command)}` failed ({errors[-1]}): {pip_remedy(done.stderr)} and run the command again; "
                "what was already installed is kept."
            )


def make_environment(environment: Path) -> None:
    """A new virtual environment; MissingTool where this Python can't make one, and then nothing is left of it."""
    done = subprocess.run([sys.executable, "-m", "venv", str(environment)], capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(environment, ignore_errors=True)
        lines = (done.stdout + done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
        raise MissingTool(
            f"`{sys.executable} -m venv` failed ({lines[0]}): install Python's venv module (Debian and Ubuntu: "
            "`apt-get install python3-venv`) and run the command again."
        )


def pip_remedy(errors: str) -> str:
    """What to do about a failed `pip install`, from what it wrote to standard error. A pure function."""
    if "No space left on device" in errors:
        return "make room on the disk"
    # sagemaker-training is built from C here
    if re.search(r"Python\.h|error: command '|[Ff]ailed building wheel|[Ff]ailed to build", errors):
        return (
            "install a C compiler and Python's headers (Debian and Ubuntu: `apt-get install gcc python3-dev`, macOS: "
            "`xcode-select --install`)"
        )
    return "check the connection to the package index"


def check_python() -> None:
    """MissingTool where this Python is older or newer than those that are tested."""
    oldest, newest = PYTHON_VERSIONS
    if sys.version_info[:3] < oldest or sys.version_info[:2] > newest:
        raise MissingTool(
            f"this is Python {dotted(sys.version_info[:3])}, and {dotted(oldest)} to {dotted(newest)} are supported: "
            f"run `make PYTHON3=python{dotted(newest)} ...` with one of them."
        )


def dotted(version: tuple[int, ...]) -> str:
    """`3.11.4` for (3, 11, 4)."""
    return ".".join(map(str, version))


def say(text: str) -> None:
    """One line of progress."""
    print(f"setup: {text}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Install what a build asks for; 1 with one sentence where that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m release.toolchain.install", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["terraform", "tools"])
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where things go (default: .local)")
    arguments = parser.parse_args(argv)

    try:
        check_python()
        say(f"terraform: {install_terraform(arguments.directory / 'bin')}")
        if arguments.what == "tools":
            install_checkov(arguments.directory / "bin", arguments.directory / "checkov")
    except MissingTool as missing:
        print(f"setup: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
