"""A git working tree, the repositories of the emulator, and somebody who is told of pushes."""

import subprocess
from pathlib import Path

import pytest

from emulator.git.repositories import Repositories, environment

IDENTITY = {f"GIT_{who}_{what}": "A" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class WorkingTree:
    """A directory with a git repository on the branch main."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(exist_ok=True)

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.directory,
            env=environment() | IDENTITY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    def commit(self, files: dict[str, str], message: str) -> str:
        """Writes the files, commits everything, and returns the commit's id."""
        for name, text in files.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def clone(self, url: str, directory: Path, *options: str) -> "WorkingTree":
        self.git("clone", "-q", *options, url, str(directory))
        return WorkingTree(directory)


@pytest.fixture
def work(tmp_path):
    tree = WorkingTree(tmp_path / "work")
    tree.git("init", "-q", "-b", "main")
    return tree


@pytest.fixture
def repositories(cloud):
    return Repositories(cloud)


class Watcher:
    """Stands for the pipelines: remembers what it was told."""

    def __init__(self):
        self.told = []

    def source_changed(self, *what):
        self.told.append(what)


@pytest.fixture
def watcher(cloud, monkeypatch):
    found = Watcher()
    monkeypatch.setitem(cloud.services, "codepipeline", found)
    return found
