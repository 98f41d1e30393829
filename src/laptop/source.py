"""The working tree, pushed as it is to the platform that runs on this machine."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from laptop.machine import BRANCH, REPOSITORY, Laptop, LaptopError
from laptop.screen import Screen
from release.aws.waiting import REAL_TIME, Clock, wait_for

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

TRIGGER_SECONDS = 30
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Execution:
    """What a push started."""

    pipeline: str
    id: str
    commit: str


def push(laptop: Laptop, pipeline: str, screen: Screen, clock: Clock = REAL_TIME) -> Execution:
    """Pushes the working tree as it is; returns the execution of the pipeline that this started."""
    commit, is_snapshot = snapshot_commit(laptop)
    if is_snapshot:
        screen.line("git push   the working tree has uncommitted changes: pushing a snapshot of it")
    remote = f"{laptop.url}/git/{REPOSITORY}"
    environment = push_environment(laptop, commit)
    codepipeline: CodePipelineClient = laptop.client("codepipeline")
    earlier = set(executions(codepipeline, pipeline))

    pushed = git(environment, "ls-remote", remote, f"refs/heads/{BRANCH}").split()
    if pushed[:1] == [commit]:
        screen.line(f"git push   {commit[:8]} is there already: starting the pipeline again")
        again = codepipeline.start_pipeline_execution(name=pipeline)
        return Execution(pipeline, again["pipelineExecutionId"], commit)

    git(environment, "push", "--quiet", "--force", remote, f"{commit}:refs/heads/{BRANCH}")
    screen.line(f"git push   {commit[:8]} to {remote}")

    def started() -> str | None:
        return next((one for one in executions(codepipeline, pipeline) if one not in earlier), None)

    if execution_id := wait_for(started, TRIGGER_SECONDS, POLL_SECONDS, clock):
        return Execution(pipeline, execution_id, commit)
    raise LaptopError(
        f"the push of {commit[:8]} started no execution of {pipeline} within {TRIGGER_SECONDS} s: are all changed "
        "files in docs/ or *.md? They do not trigger the pipeline; start it with `make push` a second time."
    )


def snapshot_commit(laptop: Laptop) -> tuple[str, bool]:
    """(commit, is_snapshot): HEAD when the working tree is clean, else a commit of the tree as it is.

    Neither the user's index, branches nor HEAD are touched; a tree that is no git checkout gets a repository of its
    own below `.local/`.
    """
    environment = dict(os.environ)
    for role in ("AUTHOR", "COMMITTER"):
        environment.setdefault(f"GIT_{role}_NAME", "local")
        environment.setdefault(f"GIT_{role}_EMAIL", "local@localhost")

    if subprocess.run(["git", "rev-parse", "--verify", "-q", "HEAD"], capture_output=True).returncode:
        repository = (laptop.directory / "snapshot.git").resolve()
        environment |= {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(Path.cwd())}
        git(environment, "init", "-q")
        parents = []
    elif not git(environment, "status", "--porcelain"):
        return git(environment, "rev-parse", "HEAD"), False
    else:
        parents = ["-p", "HEAD"]

    with_index = environment | {"GIT_INDEX_FILE": str((laptop.directory / "snapshot.index").resolve())}
    git(with_index, "add", "--all", ".")
    tree = git(with_index, "write-tree")
    return git(environment, "commit-tree", tree, *parents, "-m", "Working tree as it is"), True


def push_environment(laptop: Laptop, commit: str) -> dict[str, str]:
    """The environment of git commands that talk to the emulator and have the commit."""
    environment = laptop.environment() | {"GIT_TERMINAL_PROMPT": "0"}
    snapshot = laptop.directory / "snapshot.git"
    if snapshot.is_dir() and subprocess.run(["git", "cat-file", "-e", commit], capture_output=True).returncode:
        environment["GIT_DIR"] = str(snapshot.resolve())
    return environment


def git(environment: dict[str, str], *arguments: str) -> str:
    """What a git command prints; LaptopError where it fails."""
    done = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise LaptopError(f"git {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def executions(codepipeline: CodePipelineClient, pipeline: str) -> list[str]:
    """Ids of the pipeline's executions, the youngest first."""
    summaries = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
    return [summary["pipelineExecutionId"] for summary in summaries]
