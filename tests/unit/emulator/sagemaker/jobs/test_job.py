"""What all jobs are refused for alike."""

from types import SimpleNamespace

import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.job import INSTANCE_LIMIT, Job, check_limit


def test_a_job_that_has_ended_cannot_be_stopped():
    job = Job("arn", "j", {})
    job.request_stop("training")
    assert (job.status, job.stop_requested.is_set()) == ("Stopping", True)
    job.status = "Completed"
    with pytest.raises(AwsError, match="the training job is in status Completed"):
        job.request_stop("training")


def test_the_instance_limit_counts_the_jobs_that_still_run():
    running, ended = SimpleNamespace(status="InProgress"), SimpleNamespace(status="Completed")
    check_limit([running, ended], "ml.m5.large", INSTANCE_LIMIT - 5, "training", lambda job: 5)
    with pytest.raises(AwsError, match="current utilization of 5 Instances") as refusal:
        check_limit([running, ended], "ml.m5.large", INSTANCE_LIMIT - 4, "training", lambda job: 5)
    assert refusal.value.code == "ResourceLimitExceeded"
