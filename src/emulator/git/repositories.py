"""Git repositories of the source provider: bare, on disk, read and written by the git command."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError

CODECOMMIT_OWNER = "codecommit"  # where CodeCommit's repositories lie among those of the other providers

_NAME = re.compile(r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$")
_NO_COMMIT = "0" * 40


class Repositories:
    """The bare repositories of a Cloud: `<owner>/<name>` of a connection, or a CodeCommit `<name>`."""

    def __init__(self, cloud: Cloud):
        self.root = cloud.directory("git")

    def path(self, repository: str) -> Path:
        """Where a repository lies. Raises AwsError for a name that git hosts would not accept."""
        if not _NAME.match(repository) or ".." in repository:
            raise AwsError(
                "ValidationException", f"{repository!r} is no repository name; expected <owner>/<name> or <name>."
            )
        return self.root / f"{repository}.git"

    def exists(self, repository: str) -> bool:
        return self.path(repository).is_dir()

    def create(self, repository: str, default_branch: str = "main") -> Path:
        """Create the repository where it is absent; returns its path."""
        path = self.path(repository)
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            git(None, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path))
            git(path, "config", "http.receivepack", "true")
            # A CI checkout or a quick clone has the last commits only; no build needs those before.
            git(path, "config", "receive.shallowUpdate", "true")
        return path

    def branches(self, repository: str) -> dict[str, str]:
        """{branch: commit id}; empty for a repository without commits."""
        lines = git(self.path(repository), "for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in lines.splitlines())

    def head(self, repository: str, branch: str) -> str:
        """Commit id of a branch. Raises AwsError where repository or branch does not exist."""
        if not self.exists(repository):
            raise AwsError("RepositoryDoesNotExistException", f"There is no repository {repository}.")
        found = self.branches(repository)
        if branch not in found:
            raise AwsError(
                "BranchDoesNotExistException",
                f"{repository} has no branch {branch!r}, only {sorted(found) or 'no commit at all'}. Push the branch.",
            )
        return found[branch]

    def message(self, repository: str, commit: str) -> str:
        """The commit's message, without the final newline."""
        return git(self.path(repository), "show", "--no-patch", "--format=%B", commit).rstrip("\n")

    def changed_paths(self, repository: str, before: str | None, after: str) -> list[str]:
        """Paths that differ between two commits; all of `after` where there is no commit before."""
        if before is None or before == _NO_COMMIT:
            return git(self.path(repository), "ls-tree", "-r", "--name-only", after).splitlines()
        return git(self.path(repository), "diff", "--name-only", before, after).splitlines()

    def archive(self, repository: str, commit: str, zip_path: Path) -> None:
        """Write the files of `commit` as a zip file. Raises AwsError where the commit does not exist."""
        git(self.path(repository), "archive", "--format=zip", "-1", f"--output={zip_path}", commit)


def git(repository: Path | None, *arguments: str) -> str:
    """Run git in a bare repository and return its output. Raises AwsError with git's own words."""
    where = ["--git-dir", str(repository)] if repository else []
    done = subprocess.run(["git", *where, *arguments], capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        raise AwsError("GitException", f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def environment() -> dict[str, str]:
    """git's environment: nothing of the developer's own configuration reaches the emulated host."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
    }
