import pytest

from release.aws.jobs import TRAINING
from release.operate.progress import Approval, RunningJob
from release.operate.status import Status, show_status, status_lines


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("https://codepipeline.eu-west-1.amazonaws.com", "python -m release approve --execution e-1"),
        ("http://127.0.0.1:4566", "make approve EXECUTION=e-1"),
    ],
)
def test_status_names_the_command_that_decides_what_it_shows(code_pipeline, url, command, monkeypatch, capsys):
    codepipeline = code_pipeline()
    monkeypatch.setattr(codepipeline.meta, "endpoint_url", url)
    assert show_status(codepipeline, None) == 0
    assert command in capsys.readouterr().out.splitlines()[3]


def test_status_shows_stages_and_the_progress_of_the_job(execution, stage):
    job = RunningJob(TRAINING, "moderation-train-abc", 65.0, "progress 10 of 20")
    lines = status_lines(Status("moderation", execution, [stage("Check"), stage("Train", "InProgress", 70.0)], job))
    assert lines[0] == "moderation: InProgress, execution e-1, commit 0123456789ab"
    assert "Train      InProgress" in lines[2]
    assert "1 m 10 s" in lines[2]
    assert lines[3].strip() == "training job moderation-train-abc, 1 m 5 s  progress 10 of 20"


def test_status_shows_what_an_approver_needs(execution, evaluated, stage):
    stages = [stage("Evaluate", outputs=evaluated), stage("Approve", "InProgress")]
    approval = Approval("Approve", "Approve", token="t", execution="e-1")
    text = "\n".join(status_lines(Status("moderation", execution, stages, approval=approval)))
    for words in ("waits for approval", "gate PASS", "0.6000", "live in prod: none", "arn:package/1", "https://report"):
        assert words in text


def test_the_approval_of_another_execution_is_not_shown_as_this_ones(execution, stage):
    approval = Approval("Approve", "Approve", token="t", execution="e-0")
    assert "waits" not in "\n".join(status_lines(Status("m", execution, [stage("Check")], approval=approval)))


def test_a_pipeline_that_never_ran_says_so(code_pipeline, capsys):
    assert show_status(code_pipeline(executions=[]), None) == 0
    assert capsys.readouterr().out == "moderation: has not run yet; push a commit\n"
