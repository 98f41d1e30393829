"""CreateProcessingJob and its siblings."""

from __future__ import annotations

import threading

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.iam.roles import check_role
from emulator.sagemaker.jobs.job import check_limit
from emulator.sagemaker.jobs.processing.job import ProcessingJob
from emulator.sagemaker.jobs.processing.requests import check_supported
from emulator.sagemaker.jobs.processing.run import ProcessingRun


class ProcessingJobs:
    """CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob."""

    def __init__(self, cloud: Cloud, tags: TaggingService):
        self._cloud = cloud
        self._tags = tags
        self._jobs: dict[str, ProcessingJob] = {}
        self._lock = threading.Lock()

    def create_processing_job(self, request: dict, caller: Caller) -> dict:
        check_supported(request)
        name = request["ProcessingJobName"]
        check_role(self._cloud, "sagemaker", request["RoleArn"])

        with self._lock:
            if name in self._jobs:
                raise AwsError(
                    "ResourceInUse",
                    "Job name must be unique within an AWS account and region, and a job with this name already "
                    f"exists ({self._jobs[name].arn})",
                )
            job = ProcessingJob(self._cloud.arn("sagemaker", f"processing-job/{name}"), request)
            instance_type = job.cluster["InstanceType"]
            check_limit(
                self._jobs.values(),
                instance_type,
                job.cluster["InstanceCount"],
                "processing",
                lambda other: other.cluster["InstanceCount"] if other.cluster["InstanceType"] == instance_type else 0,
            )
            self._jobs[name] = job

        self._tags.tag_resource(job.arn, request.get("Tags", []))
        self._cloud.background(ProcessingRun(self._cloud, job).run)
        return {"ProcessingJobArn": job.arn}

    def describe_processing_job(self, request: dict, caller: Caller) -> dict:
        return self._find(request["ProcessingJobName"]).description()

    def list_processing_jobs(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(
                name=job.name,
                created=job.created,
                modified=job.modified,
                status=job.status,
                summary={
                    "ProcessingJobName": job.name,
                    "ProcessingJobArn": job.arn,
                    "CreationTime": job.created,
                    "ProcessingEndTime": job.ended,
                    "LastModifiedTime": job.modified,
                    "ProcessingJobStatus": job.status,
                    "FailureReason": job.failure_reason,
                    "ExitMessage": job.exit_message,
                },
            )
            for job in list(self._jobs.values())
        ]
        return listing(entries, request, "ProcessingJobSummaries")

    def stop_processing_job(self, request: dict, caller: Caller) -> dict:
        self._find(request["ProcessingJobName"]).request_stop("processing")
        return {}

    def _find(self, name: str) -> ProcessingJob:
        if name not in self._jobs:
            raise AwsError("ValidationException", f"Could not find requested job with name: {name}")
        return self._jobs[name]
