"""CreateTrainingJob and its siblings, without a job that runs."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.training.operations import TrainingJobs


@pytest.fixture
def jobs(cloud):
    return TrainingJobs(cloud, TaggingService())


@pytest.mark.parametrize("name", ["WarmPoolStatusEquals", "TrainingPlanArnEquals"])
def test_a_filter_that_is_not_emulated_is_named(jobs, name):
    with pytest.raises(AwsError, match=f"ListTrainingJobs: {name} is not emulated"):
        jobs.list_training_jobs({name: "x"}, None)


def test_a_job_that_is_not_there_can_be_neither_described_nor_stopped_nor_interrupted(jobs):
    for call in (
        lambda: jobs.describe_training_job({"TrainingJobName": "j"}, None),
        lambda: jobs.stop_training_job({"TrainingJobName": "j"}, None),
        lambda: jobs.interrupt("j"),
    ):
        with pytest.raises(AwsError, match="Requested resource not found"):
            call()
    assert jobs.list_training_jobs({}, None) == {"TrainingJobSummaries": []}
