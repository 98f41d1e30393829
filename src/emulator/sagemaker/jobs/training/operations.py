"""CreateTrainingJob and its siblings."""

from __future__ import annotations

import threading

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.iam.roles import check_role
from emulator.sagemaker.jobs.job import check_limit, unsupported
from emulator.sagemaker.jobs.training.job import TrainingJob
from emulator.sagemaker.jobs.training.requests import check_supported, check_times
from emulator.sagemaker.jobs.training.run import TrainingRun


class TrainingJobs:
    """CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob; and spot interruption on demand."""

    def __init__(self, cloud: Cloud, tags: TaggingService):
        self._cloud = cloud
        self._tags = tags
        self._jobs: dict[str, TrainingJob] = {}
        self._lock = threading.Lock()

    def create_training_job(self, request: dict, caller: Caller) -> dict:
        check_supported(request)
        check_times(request)
        name = request["TrainingJobName"]
        resources = request["ResourceConfig"]
        check_role(self._cloud, "sagemaker", request["RoleArn"])

        with self._lock:
            if name in self._jobs:
                raise AwsError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, and a training job with "
                    f"this name already exists ({self._jobs[name].arn})",
                )
            usage = "spot training" if request.get("EnableManagedSpotTraining") else "training"
            instance_type = resources["InstanceType"]
            check_limit(
                self._jobs.values(),
                instance_type,
                resources["InstanceCount"],
                usage,
                lambda job: _instance_count(job, instance_type),
            )
            job = TrainingJob(self._cloud.arn("sagemaker", f"training-job/{name}"), request)
            self._jobs[name] = job

        self._tags.tag_resource(job.arn, request.get("Tags", []))
        self._cloud.background(TrainingRun(self._cloud, job).run)
        return {"TrainingJobArn": job.arn}

    def describe_training_job(self, request: dict, caller: Caller) -> dict:
        return self._find(request["TrainingJobName"]).description()

    def list_training_jobs(self, request: dict, caller: Caller) -> dict:
        for name in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"):
            if name in request:
                raise unsupported("ListTrainingJobs", name)
        entries = [
            Entry(
                name=job.name,
                created=job.created,
                modified=job.modified,
                status=job.status,
                summary={
                    "TrainingJobName": job.name,
                    "TrainingJobArn": job.arn,
                    "CreationTime": job.created,
                    "TrainingEndTime": job.ended,
                    "LastModifiedTime": job.modified,
                    "TrainingJobStatus": job.status,
                    "SecondaryStatus": job.secondary,
                },
            )
            for job in list(self._jobs.values())
        ]
        return listing(entries, request, "TrainingJobSummaries")

    def stop_training_job(self, request: dict, caller: Caller) -> dict:
        job = self._find(request["TrainingJobName"])
        job.request_stop("training")
        return {}

    def interrupt(self, name: str) -> None:
        """Takes the spot instances of a running job back (no AWS operation; tests and demonstrations ask for it)."""
        job = self._find(name)
        if not job.request.get("EnableManagedSpotTraining"):
            raise AwsError("ValidationException", f"Training job {name} does not use managed spot training.")
        if job.secondary != "Training":
            raise AwsError("ValidationException", f"Training job {name} is {job.secondary}, expected Training.")
        job.interrupt_requested.set()

    def _find(self, name: str) -> TrainingJob:
        if name not in self._jobs:
            raise AwsError("ValidationException", "Requested resource not found.")
        return self._jobs[name]


def _instance_count(job: TrainingJob, instance_type: str) -> int:
    resources = job.request["ResourceConfig"]
    return resources["InstanceCount"] if resources["InstanceType"] == instance_type else 0
