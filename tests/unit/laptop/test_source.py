import io
import os

import pytest

from laptop import source
from laptop.machine import Laptop, LaptopError
from laptop.screen import Screen
from laptop.source import Execution, git, push, snapshot_commit
from release.aws.waiting import Clock


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one commit, as the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@localhost")
    (tmp_path / "file.txt").write_text("one\n")
    (tmp_path / ".gitignore").write_text(".local/\n")
    git(dict(os.environ), "init", "-q")
    git(dict(os.environ), "add", ".")
    git(dict(os.environ), "commit", "-q", "-m", "first")
    (tmp_path / ".local").mkdir()
    return tmp_path


def test_a_clean_working_tree_is_pushed_as_its_own_commit(checkout):
    commit, is_snapshot = snapshot_commit(Laptop())
    assert not is_snapshot
    assert commit == git(dict(os.environ), "rev-parse", "HEAD")


def test_uncommitted_changes_are_pushed_as_a_snapshot_that_leaves_index_and_head_alone(checkout):
    before = git(dict(os.environ), "rev-parse", "HEAD")
    (checkout / "file.txt").write_text("two\n")
    (checkout / "new.txt").write_text("new\n")
    status = git(dict(os.environ), "status", "--porcelain")
    commit, is_snapshot = snapshot_commit(Laptop())
    assert is_snapshot
    assert git(dict(os.environ), "show", f"{commit}:file.txt") == "two"
    assert git(dict(os.environ), "show", f"{commit}:new.txt") == "new"
    assert git(dict(os.environ), "rev-parse", "HEAD") == before
    assert git(dict(os.environ), "status", "--porcelain") == status


def test_a_tree_without_git_gets_a_repository_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "file.txt").write_text("one\n")
    (tmp_path / ".gitignore").write_text(".local/\n")
    (tmp_path / ".local").mkdir()
    commit, is_snapshot = snapshot_commit(Laptop())
    assert is_snapshot
    assert not (tmp_path / ".git").exists()
    repository = dict(os.environ) | {"GIT_DIR": str(tmp_path / ".local/snapshot.git")}
    assert git(repository, "show", f"{commit}:file.txt") == "one"


class Pipelines:
    """A laptop whose pipeline has executions; the emulator starts one some questions after a push."""

    url = "http://127.0.0.1:1"

    def __init__(self, directory, starts_after=None):
        self.directory, self.starts_after, self.ids = directory, starts_after, ["e-1"]

    def environment(self):
        return {}

    def client(self, service):
        return self

    def list_pipeline_executions(self, pipelineName):
        if self.starts_after == 0:
            self.ids = ["e-2", "e-1"]
        if self.starts_after is not None:
            self.starts_after -= 1
        return {"pipelineExecutionSummaries": [{"pipelineExecutionId": each} for each in self.ids]}

    def start_pipeline_execution(self, name):
        return {"pipelineExecutionId": "e-3"}


@pytest.fixture
def pushed(tmp_path, monkeypatch, fake_time):
    """pushed(laptop, there) -> the execution that a push starts; `there`: the commit that the emulator has."""

    def run(laptop, there=""):
        monkeypatch.setattr(source, "snapshot_commit", lambda laptop: ("c0ffee", False))
        monkeypatch.setattr(source, "git", lambda environment, command, *rest: there if command == "ls-remote" else "")
        return push(laptop, "moderation", Screen(io.StringIO()), Clock(fake_time.clock, fake_time.sleep))

    return run


def test_a_push_starts_an_execution_that_was_not_there_before(tmp_path, pushed):
    assert pushed(Pipelines(tmp_path, starts_after=3)) == Execution("moderation", "e-2", "c0ffee")


def test_a_commit_that_is_there_already_starts_the_pipeline_again(tmp_path, pushed):
    assert pushed(Pipelines(tmp_path), there="c0ffee refs/heads/main").id == "e-3"


def test_a_push_that_starts_nothing_is_told_within_its_limit(tmp_path, pushed, fake_time):
    with pytest.raises(LaptopError, match=r"started no execution of moderation within 30 s: .* docs/"):
        pushed(Pipelines(tmp_path))
    assert 30 <= fake_time.now < 31
