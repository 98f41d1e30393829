"""One build in this process."""

import os
import threading
from pathlib import Path

import pytest
from waiting import wait_until

from emulator.codebuild.record import BuildRecord
from emulator.codebuild.runner import BuildRun, remove_all_but
from emulator.codebuild.settings import BuildSettings, Source


@pytest.fixture
def build(cloud, aws, tmp_path):
    """build(buildspec, **settings) -> the finished build's description"""

    def run(buildspec: str, **changes) -> dict:
        aws_iam = aws("iam")
        role = "runner-role"
        if role not in {found["RoleName"] for found in aws_iam.list_roles()["Roles"]}:
            aws_iam.create_role(RoleName=role, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        settings = {
            "build_id": "runner:1",
            "build_arn": "arn:aws:codebuild:us-east-1:123456789012:build/runner:1",
            "build_number": 1,
            "project_name": "runner",
            "project_arn": "arn:aws:codebuild:us-east-1:123456789012:project/runner",
            "role_arn": f"arn:aws:iam::123456789012:role/{role}",
            "sources": (Source(None, None),),
            "source_version": "",
            "buildspec": buildspec,
            "variables": (),
            "targets": (),
            "cache": None,
            "log_group": None,
            "log_stream": "",
            "timeout_seconds": 60,
            "image": "image",
            "initiator": "test",
            "kms_key_arn": "key",
            "on_report": lambda group, cases: None,
        } | changes
        record = BuildRecord({"id": "runner:1", "phases": []})
        thread = threading.Thread(
            target=BuildRun(cloud, BuildSettings(**settings), record, tmp_path / "build").run, daemon=True
        )
        thread.start()
        assert record.finished.wait(20)
        return record.snapshot()

    return run


def test_a_build_past_its_time_limit_is_ended_and_says_so(build, tmp_path):
    found = build(
        f"version: 0.2\nphases: {{build: {{commands: [sleep 60], finally: [touch {tmp_path}/ran]}}}}\n",
        timeout_seconds=0.5,
    )
    assert found["buildStatus"] == "TIMED_OUT"
    failed = next(phase for phase in found["phases"] if phase["phaseType"] == "BUILD")
    assert failed["contexts"][0]["statusCode"] == "BUILD_TIMED_OUT"
    assert not (tmp_path / "ran").exists()


def test_a_command_may_use_bash_when_the_buildspec_says_so(build):
    found = build(
        "version: 0.2\nenv: {shell: bash, exported-variables: [N]}\n"
        "phases: {build: {commands: ['list=(a b c)', 'N=${#list[@]}']}}\n"
    )
    # An array does not outlive its command, in CodeBuild neither: the environment holds strings only.
    assert found["buildStatus"] == "SUCCEEDED"
    assert found["exportedEnvironmentVariables"] == [{"name": "N", "value": "0"}]


def test_a_command_that_exits_early_without_error_keeps_its_variables(build):
    found = build(
        "version: 0.2\nenv: {exported-variables: [A]}\nphases: {build: {commands: ['A=kept; exit 0', 'true']}}\n"
    )
    assert found["exportedEnvironmentVariables"] == [{"name": "A", "value": "kept"}]


def test_values_with_line_breaks_and_quotes_survive_from_command_to_command(build):
    found = build(
        "version: 0.2\nenv: {exported-variables: [A]}\nphases:\n  build:\n    commands:\n"
        '      - A="it\'s\n\n        two \\"lines\\""\n      - \'true\'\n'
    )
    assert found["exportedEnvironmentVariables"][0]["value"].splitlines()[0] == "it's"
    assert '"lines"' in found["exportedEnvironmentVariables"][0]["value"]


def test_a_role_that_does_not_exist_fails_the_provisioning(build):
    found = build("version: 0.2\nphases: {build: {commands: ['true']}}\n", role_arn="arn:aws:iam::123456789012:role/no")
    assert found["buildStatus"] == "FAILED"
    assert "can't be assumed" in found["phases"][0]["contexts"][0]["message"]


def test_only_the_latest_directories_stay(tmp_path):
    directories = [tmp_path / name for name in "abc"]
    for age, directory in enumerate(directories):
        directory.mkdir()
        os.utime(directory, (age, age))
    remove_all_but(directories, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_commands_get_a_temporary_directory_with_a_short_path_that_goes_with_the_build(build):
    found = build(
        "version: 0.2\nenv: {exported-variables: [TMPDIR]}\nphases: {build: {commands: ['touch $TMPDIR/made']}}\n"
    )
    assert found["buildStatus"] == "SUCCEEDED"
    directory = Path(found["exportedEnvironmentVariables"][0]["value"])
    assert len(str(directory / "plugin1234567890")) < 107  # what the path of a Unix socket may hold
    wait_until(lambda: not directory.exists())
