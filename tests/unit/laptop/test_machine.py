import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from laptop import machine as local
from laptop.machine import Laptop, LaptopError
from laptop.screen import Screen

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one commit, as the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@localhost")
    (tmp_path / "file.txt").write_text("one\n")
    (tmp_path / ".gitignore").write_text(".local/\n")
    local.git(dict(os.environ), "init", "-q")
    local.git(dict(os.environ), "add", ".")
    local.git(dict(os.environ), "commit", "-q", "-m", "first")
    (tmp_path / ".local").mkdir()
    return tmp_path


def test_a_clean_working_tree_is_pushed_as_its_own_commit(checkout):
    commit, is_snapshot = local.snapshot_commit(Laptop())
    assert not is_snapshot
    assert commit == local.git(dict(os.environ), "rev-parse", "HEAD")


def test_uncommitted_changes_are_pushed_as_a_snapshot_that_leaves_index_and_head_alone(checkout):
    before = local.git(dict(os.environ), "rev-parse", "HEAD")
    (checkout / "file.txt").write_text("two\n")
    (checkout / "new.txt").write_text("new\n")
    status = local.git(dict(os.environ), "status", "--porcelain")
    commit, is_snapshot = local.snapshot_commit(Laptop())
    assert is_snapshot
    assert local.git(dict(os.environ), "show", f"{commit}:file.txt") == "two"
    assert local.git(dict(os.environ), "show", f"{commit}:new.txt") == "new"
    assert local.git(dict(os.environ), "rev-parse", "HEAD") == before
    assert local.git(dict(os.environ), "status", "--porcelain") == status


def test_a_tree_without_git_gets_a_repository_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "file.txt").write_text("one\n")
    (tmp_path / ".gitignore").write_text(".local/\n")
    (tmp_path / ".local").mkdir()
    commit, is_snapshot = local.snapshot_commit(Laptop())
    assert is_snapshot
    assert not (tmp_path / ".git").exists()
    repository = dict(os.environ) | {"GIT_DIR": str(tmp_path / ".local/snapshot.git")}
    assert local.git(repository, "show", f"{commit}:file.txt") == "one"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.jsonl", None, "no such file"),
        ("rows.xlsx", b"x", "ends with none of"),
        ("rows.jsonl.gz", b"not gzip", "not a gzip file"),
    ],
)
def test_a_data_file_that_cannot_be_read_is_refused_before_anything_starts(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LaptopError, match=reason):
        local.check_data_file(tmp_path / name)


def test_a_readable_data_file_passes(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a", "labels": []}\n'))
    assert local.check_data_file(path) == path


def test_an_emulator_that_is_gone_is_not_taken_for_a_running_one(tmp_path):
    laptop = Laptop(directory=tmp_path)
    laptop.emulator_root.mkdir()
    (laptop.emulator_root / "emulator.json").write_text(f'{{"pid": 1, "url": "http://127.0.0.1:{local.free_port()}"}}')
    assert laptop.url is None
    with pytest.raises(LaptopError, match="make up"):
        laptop.environment()


def test_what_talks_to_the_emulator_reads_nothing_of_the_users_aws_setup(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = Laptop(directory=tmp_path).environment("http://127.0.0.1:1")
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"


def outputs_are(monkeypatch, *names: str) -> None:
    """Terraform's state names these outputs."""
    found = json.dumps({name: {"value": name} for name in names})
    done = subprocess.CompletedProcess([], 0, stdout=found, stderr="")
    monkeypatch.setattr(local, "terraform", lambda *arguments, **options: done)


def test_a_platform_that_is_not_applied_completely_is_said_with_the_way_out(tmp_path, monkeypatch):
    outputs_are(monkeypatch, "data_bucket")
    with pytest.raises(LaptopError, match=r"prod_endpoint_name missing.*make up.*make down"):
        local.platform_outputs(Laptop(directory=tmp_path))
    outputs_are(monkeypatch, *local.OUTPUTS)
    assert local.platform_outputs(Laptop(directory=tmp_path))["pipeline_name"] == "pipeline_name"


def test_a_platform_that_was_never_applied_completely_has_no_endpoints_to_destroy(tmp_path, monkeypatch, capsys):
    outputs_are(monkeypatch)
    local.destroy_endpoints(Laptop(directory=tmp_path), Screen())
    assert "there can be no endpoint" in capsys.readouterr().out


def test_every_output_that_the_laptop_reads_is_one_of_the_platforms():
    declared = re.findall(r'^output "(\w+)"', (ROOT / "terraform/outputs.tf").read_text(), re.MULTILINE)
    assert set(local.OUTPUTS) <= set(declared)


def test_a_child_that_ended_does_not_count_as_running():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not local.is_running(child.pid)


@pytest.mark.parametrize(("command", "ends"), [("emulator serve --root x", True), ("tests serve --root x", False)])
def test_only_an_emulator_is_stopped_by_the_number_that_it_left(tmp_path, command, ends):
    laptop = Laptop(tmp_path)
    laptop.emulator_root.mkdir()
    # python takes what follows -c for its own arguments
    code = "import time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, *command.split()], stdout=subprocess.PIPE)
    try:
        # a process is young for a moment, without a command line
        process.stdout.readline()
        (laptop.emulator_root / "emulator.json").write_text(json.dumps({"pid": process.pid, "url": "http://gone"}))
        local.stop_emulator(laptop)
        assert local.is_running(process.pid) != ends
    finally:
        process.kill()
        process.wait()


def test_the_platform_on_this_machine_knows_nothing_of_the_users_settings_for_aws(tmp_path):
    users = ("terraform.tfvars", "mine.auto.tfvars", "mine.auto.tfvars.json", "backend.tf", "local_override.tf")
    ours = ("main.tf", ".terraform.lock.hcl", "backend.tf.example", "modules/storage/main.tf")
    for name in (*users, *ours, ".terraform/modules/modules.json"):
        (tmp_path / "terraform" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "terraform" / name).touch()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "removed.tf").touch()
    local.copy_terraform(tmp_path / "terraform", copy)
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == set(ours)
    assert f"-chdir={tmp_path / 'platform'}" in local.terraform_command(Laptop(directory=tmp_path), "plan")


def test_a_profile_of_the_user_is_not_asked_for_what_runs_here(tmp_path):
    local.write_settings(Laptop(tmp_path), "http://127.0.0.1:1")
    (tmp_path / "Makefile").write_text("-include aws.mk\nshow:\n\t@echo $${AWS_PROFILE:-none} $$AWS_ENDPOINT_URL\n")
    environment = {**os.environ, "AWS_PROFILE": "work"}
    for command in (["make", "-s", "show"], ["sh", "-c", ". ./aws.env; echo ${AWS_PROFILE:-none} $AWS_ENDPOINT_URL"]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "none http://127.0.0.1:1\n"


def test_a_live_emulator_that_does_not_answer_keeps_its_files(tmp_path, monkeypatch):
    laptop = Laptop(directory=tmp_path)
    laptop.emulator_root.mkdir()
    ready = json.dumps({"pid": os.getpid(), "url": f"http://127.0.0.1:{local.free_port()}"})
    (laptop.emulator_root / "emulator.json").write_text(ready)
    monkeypatch.setattr(local, "is_emulator", lambda process_id: process_id == os.getpid())
    with pytest.raises(LaptopError, match="make down FORCE=1"):
        local.start_emulator(laptop, Screen())
    assert (laptop.emulator_root / "emulator.json").exists()
