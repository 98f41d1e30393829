"""The record of a processing job."""

from emulator.sagemaker.jobs.processing.job import ProcessingJob


def test_a_job_tells_what_was_asked_and_how_it_ended():
    job = ProcessingJob("arn", {"ProcessingJobName": "j", "RoleArn": "r"})
    assert job.max_runtime_seconds == 86_400
    job.finish("Failed", "x" * 2000)
    found = job.description()
    assert (found["ProcessingJobStatus"], found["RoleArn"], found["Environment"]) == ("Failed", "r", None)
    assert len(found["FailureReason"]) == 1024
    assert found["ProcessingEndTime"] == found["LastModifiedTime"]
