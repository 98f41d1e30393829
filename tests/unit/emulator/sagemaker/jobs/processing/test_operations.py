"""CreateProcessingJob and its siblings, without a job that runs."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.processing.operations import ProcessingJobs


def test_a_job_that_is_not_there_can_be_neither_described_nor_stopped(cloud):
    jobs = ProcessingJobs(cloud, TaggingService())
    for operation in (jobs.describe_processing_job, jobs.stop_processing_job):
        with pytest.raises(AwsError, match="Could not find requested job with name: j"):
            operation({"ProcessingJobName": "j"}, None)
    assert jobs.list_processing_jobs({}, None) == {"ProcessingJobSummaries": []}
