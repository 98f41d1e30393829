from datetime import datetime

import pytest

from release.aws import jobs
from release.aws.jobs import PROCESSING, TRAINING, Attempt, JobFailed, JobState, attempt_names, choose_attempt
from release.aws.logs import LogReader
from release.aws.waiting import Clock

NAMES = ["moderation-train-abc", "moderation-train-abc-2", "moderation-train-abc-3"]


def choose(statuses, has_output=lambda name: True):
    return choose_attempt(attempt_names("moderation", "train", "abc"), statuses.get, has_output)


def test_the_first_attempt_is_started_when_there_is_none():
    assert choose({}) == Attempt(NAMES[0], adopted=False)


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_running_or_finished_job_is_adopted(status):
    assert choose({NAMES[0]: status}) == Attempt(NAMES[0], adopted=True)


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Stopping"])
def test_a_failed_or_stopped_job_gives_way_to_the_next_attempt(status):
    assert choose({NAMES[0]: status, NAMES[1]: status}) == Attempt(NAMES[2], adopted=False)


def test_a_retry_adopts_the_attempt_that_runs():
    assert choose({NAMES[0]: "Failed", NAMES[1]: "InProgress"}) == Attempt(NAMES[1], adopted=True)


def test_a_finished_job_whose_output_was_deleted_is_done_again():
    assert choose({NAMES[0]: "Completed"}, has_output=lambda name: False) == Attempt(NAMES[1], adopted=False)


class Logs:
    """CloudWatch Logs with one stream a host; lines can be added between two reads."""

    def __init__(self, streams):
        self.streams = streams

    def get_paginator(self, operation):
        assert operation == "describe_log_streams"
        return self

    def paginate(self, logGroupName, logStreamNamePrefix):
        names = [name for name in self.streams if name.startswith(logStreamNamePrefix)]
        return [{"logStreams": [{"logStreamName": name} for name in names]}]

    def get_log_events(self, logGroupName, logStreamName, startFromHead, nextToken="0"):
        lines = self.streams[logStreamName][int(nextToken) :][:2]
        return {"events": [{"message": line} for line in lines], "nextForwardToken": str(int(nextToken) + len(lines))}


class Scripted:
    """A session whose job goes through the given descriptions, one a poll."""

    region_name = "eu-west-1"

    def __init__(self, descriptions, streams):
        self.descriptions, self.logs = list(descriptions), Logs(streams)

    def client(self, service):
        return self.logs if service == "logs" else self

    def describe_training_job(self, TrainingJobName):
        description = self.descriptions.pop(0) if len(self.descriptions) > 1 else self.descriptions[0]
        return {"CreationTime": datetime(2026, 11, 23), **description}

    def describe_processing_job(self, ProcessingJobName):
        return self.describe_training_job(ProcessingJobName)


def wait(kind, session, fake_time):
    shown = []
    state = jobs.wait(kind, "job", session, shown.append, Clock(fake_time.clock, fake_time.sleep))
    return state, shown


def running(secondary):
    return {"TrainingJobStatus": "InProgress", "SecondaryStatus": secondary}


def test_waiting_shows_each_status_and_the_reported_lines_once(fake_time):
    session = Scripted(
        [running("Starting"), running("Training"), running("Training"), {"TrainingJobStatus": "Completed"}],
        {
            "job/algo-1": ["noise", "metric train_loss=0.5", "more noise", "progress 10 of 20"],
            "job-2/algo-1": ["metric x=1"],
        },
    )
    state, shown = wait(TRAINING, session, fake_time)
    assert state.status == "Completed"
    assert [line.strip() for line in shown[1:]] == [
        "metric train_loss=0.5",
        "progress 10 of 20",
        "Starting, 0 s",
        "Training, 1 s",
        "Completed, 4 s",
    ]


def test_polling_slows_down_to_five_seconds(fake_time):
    session = Scripted([running("Training")] * 8 + [{"TrainingJobStatus": "Completed"}], {})
    wait(TRAINING, session, fake_time)
    assert fake_time.sleeps[0] == 1
    assert fake_time.sleeps[-1] == 5
    assert fake_time.sleeps == sorted(fake_time.sleeps)


def test_a_failed_job_says_reason_last_lines_link_and_what_to_do(fake_time):
    session = Scripted(
        [{"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": "loss became NaN"}],
        {"job/algo-1": [f"line {index}" for index in range(1, 31)]},
    )
    with pytest.raises(JobFailed) as caught:
        wait(TRAINING, session, fake_time)
    message = str(caught.value)
    assert "loss became NaN" in message
    assert "line 30" in message
    assert "line 11" in message
    assert "line 10\n" not in message
    assert "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/jobs/job" in message
    assert "what to do: fix what the reason names" in message


def test_the_cause_is_shown_and_not_what_the_launcher_says_about_it():
    launcher = ["E1123 torch/distributed/elastic/multiprocessing/api.py failed (exitcode: 1)", *["noise"] * 40]
    toolkit = "2026-11-23 02:58:25,185 sagemaker-training-toolkit INFO     Waiting"
    lines = jobs.telling_lines(
        {
            "job/algo-2": [*["step"] * 30, "ValueError: two", *launcher],
            "job/algo-1": ["step", "ValueError: one", toolkit, *launcher],
        }
    )
    assert lines == ["step", "ValueError: one", *["step"] * 9, "ValueError: two"]


def test_a_log_with_nothing_but_the_launcher_is_shown_as_it_is():
    assert jobs.telling_lines({"job/algo-1": ["sagemaker-training-toolkit ERROR no entry point"]}) == [
        "sagemaker-training-toolkit ERROR no entry point"
    ]


def test_a_processing_job_fails_with_its_exit_message(fake_time):
    session = Scripted(
        [
            {
                "ProcessingJobStatus": "Failed",
                "ExitMessage": "data.jsonl row 3: unknown label 'spam'",
                "FailureReason": "AlgorithmError: exit code 1",
            }
        ],
        {},
    )
    with pytest.raises(JobFailed, match=r"reason: data\.jsonl row 3: unknown label 'spam'"):
        wait(PROCESSING, session, fake_time)


def test_a_stopped_job_is_a_failure(fake_time):
    session = Scripted([{"ProcessingJobStatus": "Stopped"}], {})
    with pytest.raises(JobFailed, match="somebody stopped it"):
        wait(PROCESSING, session, fake_time)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (JobState("Stopped", "MaxRuntimeExceeded", ""), "raise training.max_run_seconds in terraform.tfvars"),
        (JobState("Stopped", "MaxWaitTimeExceeded", ""), "raise training.max_run_seconds in terraform.tfvars"),
        (JobState("Failed", "Failed", "ResourceLimitExceeded: account limit"), "higher quota"),
        (JobState("Failed", "Failed", "CapacityError: none left"), "retry the stage later"),
        (JobState("Failed", "Failed", "ClientError: AccessDenied on s3"), "lacks a permission"),
    ],
)
def test_the_advice_fits_the_reason(state, words):
    assert words in jobs.advice(TRAINING, state)


def test_only_training_goes_on_from_a_checkpoint_and_each_job_has_its_own_limit():
    too_long = JobState("Stopped", "MaxRuntimeExceeded", "")
    assert "last checkpoint" in jobs.advice(TRAINING, too_long)
    advice = jobs.advice(PROCESSING, JobState("Stopped", "", "MaxRuntimeExceeded: 3600 s"))
    assert "raise processing.max_run_seconds in terraform.tfvars" in advice
    assert "checkpoint" not in advice


@pytest.mark.parametrize("kind", [TRAINING, PROCESSING])
def test_a_job_that_does_not_exist_is_none(aws, kind):
    assert jobs.describe(kind, "moderation-train-missing", aws.client("sagemaker")) is None


def test_no_log_yet_is_no_lines(aws):
    assert LogReader(TRAINING.log_group, "job", aws.client("logs")).new_lines() == []
