"""The record of a training job."""

import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.training.job import TrainingJob


@pytest.fixture
def job():
    request = {
        "TrainingJobName": "j",
        "AlgorithmSpecification": {"TrainingImage": "i"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "StoppingCondition": {},
    }
    return TrainingJob("arn", request)


def test_each_status_ends_where_the_next_one_begins(job):
    job.enter("Downloading")
    job.enter("Training")
    transitions = job.description()["SecondaryStatusTransitions"]
    assert [each["Status"] for each in transitions] == ["Starting", "Downloading", "Training"]
    assert [each.get("EndTime") for each in transitions[:2]] == [each["StartTime"] for each in transitions[1:]]
    assert "EndTime" not in transitions[2]


def test_a_stop_is_one_status_however_often_it_is_asked_for(job):
    for _ in range(2):
        job.request_stop("training")
    job.finish("Stopped", "Stopped")
    with pytest.raises(AwsError, match="the training job is in status Stopped"):
        job.request_stop("training")
    assert [each["Status"] for each in job.transitions] == ["Starting", "Stopping", "Stopped"]


def test_what_has_ended_tells_time_reason_and_model(job):
    job.started = job.created
    job.finish("Failed", "Failed", "x" * 2000)
    found = job.description()
    assert (found["TrainingJobStatus"], found["TrainingTimeInSeconds"]) == ("Failed", 1)
    assert len(found["FailureReason"]) == 1024
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/out/j/output/model.tar.gz"}
    assert found["EnableManagedSpotTraining"] is False
