"""Processing jobs: inputs brought below /opt/ml/processing, the entry point run on each instance, outputs uploaded."""

import os
import shutil
import threading
import time
from pathlib import Path

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import parse_location
from emulator.iam.roles import check_role
from emulator.sagemaker.jobs import instances as jobs
from emulator.sagemaker.jobs import storage

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400

# Members of a request that DescribeProcessingJob gives back as they came.
DESCRIBED = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
)


class ProcessingJob(jobs.Job):
    """Record of one processing job; see `jobs.Job`."""

    def __init__(self, arn: str, request: dict):
        super().__init__(arn, request["ProcessingJobName"], request)
        self.exit_message: str | None = None

    @property
    def cluster(self) -> dict:
        return self.request["ProcessingResources"]["ClusterConfig"]

    @property
    def max_runtime_seconds(self) -> int:
        return self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)

    def finish(self, status: str, failure_reason: str | None = None) -> None:
        """Moves on to a status that is final."""
        with self.lock:
            self.ended = self.modified = jobs.now()
            self.status = status
            self.failure_reason = failure_reason[: jobs.REASON_LENGTH] if failure_reason else None

    def description(self) -> dict:
        """The answer of DescribeProcessingJob."""
        with self.lock:
            return {
                "ProcessingJobName": self.name,
                "ProcessingJobArn": self.arn,
                "ProcessingJobStatus": self.status,
                "ExitMessage": self.exit_message,
                "FailureReason": self.failure_reason,
                "CreationTime": self.created,
                "ProcessingStartTime": self.started,
                "ProcessingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                **{name: self.request.get(name) for name in DESCRIBED},
            }


class ProcessingOperations:
    """CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self._processing_jobs: dict[str, ProcessingJob] = {}
        self._processing_lock = threading.Lock()

    def create_processing_job(self, request: dict, caller: Caller) -> dict:
        check_supported(request)
        name = request["ProcessingJobName"]
        check_role(self.cloud, "sagemaker", request["RoleArn"])
        with self._processing_lock:
            if name in self._processing_jobs:
                raise AwsError(
                    "ResourceInUse",
                    "Job name must be unique within an AWS account and region, and a job with this name already "
                    f"exists ({self._processing_jobs[name].arn})",
                )
            job = ProcessingJob(self.cloud.arn("sagemaker", f"processing-job/{name}"), request)
            instance_type = job.cluster["InstanceType"]
            jobs.check_limit(
                self._processing_jobs.values(),
                instance_type,
                job.cluster["InstanceCount"],
                "processing",
                lambda other: other.cluster["InstanceCount"] if other.cluster["InstanceType"] == instance_type else 0,
            )
            self._processing_jobs[name] = job
        self.remember_tags(job.arn, request.get("Tags", []))
        self.cloud.background(ProcessingRun(self.cloud, job).run)
        return {"ProcessingJobArn": job.arn}

    def describe_processing_job(self, request: dict, caller: Caller) -> dict:
        return self._processing_job(request["ProcessingJobName"]).description()

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
            for job in list(self._processing_jobs.values())
        ]
        return listing(entries, request, "ProcessingJobSummaries")

    def stop_processing_job(self, request: dict, caller: Caller) -> dict:
        self._processing_job(request["ProcessingJobName"]).request_stop("processing")
        return {}

    def _processing_job(self, name: str) -> ProcessingJob:
        if name not in self._processing_jobs:
            raise AwsError("ValidationException", f"Could not find requested job with name: {name}")
        return self._processing_jobs[name]


class ProcessingRun:
    """Carries one job out."""

    def __init__(self, cloud, job: ProcessingJob):
        self._cloud = cloud
        self._job = job
        self._request = job.request
        self._role_arn = job.request["RoleArn"]
        self._root: Path = cloud.directory("sagemaker") / "processing-jobs" / job.name
        self._instances: list[jobs.Instance] = []

    def run(self) -> None:
        """Brings the job to its final status, whatever happens."""
        job = self._job
        try:
            self._conclude(self._process())
        except jobs.JobFailedError as error:
            job.finish("Failed", str(error))
        except (*storage.FAILURES, ValueError, AwsError) as error:
            job.finish("Failed", f"ClientError: {error}")
        except Exception as error:
            job.finish("Failed", f"InternalServerError: {type(error).__name__}: {error}")
            raise
        finally:
            shutil.rmtree(self._root, ignore_errors=True)

    def _process(self) -> jobs.Ended:
        job, request = self._job, self._request
        s3 = self._s3()
        self._instances = jobs.make_instances(self._root, job.cluster["InstanceCount"])
        for given in request.get("ProcessingInputs", []):
            source = given["S3Input"]
            jobs.download_input(
                s3, self._instances, source["S3Uri"], source["LocalPath"], source.get("S3DataDistributionType")
            )
        for instance in self._instances:
            self._lay_out(instance)
        syncs = [sync for instance in self._instances for sync in self._continuous_outputs(s3, instance)]
        output = jobs.InstanceOutput(self._cloud, LOG_GROUP, job, self._instances, lambda line: None)
        with job.lock:
            job.started = job.modified = jobs.now()
        deadline = time.monotonic() + job.max_runtime_seconds
        commands = {each.name: (self._command(each), self._environment(each)) for each in self._instances}
        events = {
            "stop": job.stop_requested.is_set,
            "emulator ends": self._cloud.stopping.is_set,
            "runtime": lambda: time.monotonic() > deadline,
        }
        try:
            return jobs.run_instances(commands, self._instances, output, events)
        finally:
            output.close()
            for sync in syncs:
                sync.finish()

    def _conclude(self, ended: jobs.Ended) -> None:
        job = self._job
        messages = [jobs.first_text(each.path("/opt/ml/output/message")) for each in self._instances]
        with job.lock:
            job.exit_message = "".join(messages)[: jobs.REASON_LENGTH] or None
        if ended.first_failed is not None:
            status = jobs.exit_status(ended.exit_codes[ended.first_failed.name])
            job.finish("Failed", f"AlgorithmError: See job logs for more information, exit code: {status}")
        elif ended.interrupted_by == "emulator ends":
            job.finish("Failed", "InternalServerError: the emulator was stopped while the job ran")
        elif ended.interrupted_by == "runtime":
            job.finish(
                "Failed",
                f"ClientError: The job ran longer than its MaxRuntimeInSeconds ({job.max_runtime_seconds}) and was "
                "stopped.",
            )
        elif ended.interrupted_by == "stop":
            job.finish("Stopped")
        else:
            self._upload_outputs()
            job.finish("Completed")

    def _upload_outputs(self) -> None:
        s3 = self._s3()
        for given, target in self._outputs("EndOfJob"):
            for instance in reversed(self._instances):  # so that of equal names the first instance's stays
                directory = instance.path(target["LocalPath"])
                storage.upload_directory(s3, directory, parse_location(given), self._output_key())

    def _continuous_outputs(self, s3, instance: jobs.Instance) -> list[storage.DirectorySync]:
        return [
            storage.DirectorySync(s3, instance.path(target["LocalPath"]), parse_location(uri), self._output_key())
            for uri, target in self._outputs("Continuous")
        ]

    def _outputs(self, mode: str) -> list[tuple[str, dict]]:
        """(S3 URI, S3Output) of the outputs that are uploaded in this mode."""
        given = [each["S3Output"] for each in self._request.get("ProcessingOutputConfig", {}).get("Outputs", [])]
        return [(target["S3Uri"], target) for target in given if target["S3UploadMode"] == mode]

    def _output_key(self) -> str | None:
        return self._request.get("ProcessingOutputConfig", {}).get("KmsKeyId")

    def _lay_out(self, instance: jobs.Instance) -> None:
        (instance.base / "output").mkdir(parents=True, exist_ok=True)
        for each in self._request.get("ProcessingOutputConfig", {}).get("Outputs", []):
            instance.path(each["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        described = {name: self._request[name] for name in DESCRIBED if name in self._request}
        instance.write_config(
            "/opt/ml/config",
            {
                "processingjobconfig.json": {
                    "ProcessingJobArn": self._job.arn,
                    "ProcessingJobName": self._job.name,
                    **described,
                },
                "resourceconfig.json": jobs.resource_config(
                    instance, self._instances, self._job.cluster["InstanceType"]
                ),
            },
        )

    def _command(self, instance: jobs.Instance) -> list[str]:
        application = self._request["AppSpecification"]
        words = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
        return [instance.relocate(word) for word in words]

    def _environment(self, instance: jobs.Instance) -> dict[str, str]:
        return {
            **jobs.instance_environment(
                self._cloud,
                self._role_arn,
                "SageMaker",
                instance,
                len(self._instances),
                self._request.get("Environment", {}),
            ),
            "PROCESSING_JOB_NAME": self._job.name,
            "PROCESSING_JOB_ARN": self._job.arn,
        }

    def _s3(self):
        return self._cloud.client("s3", self._role_arn, "SageMaker")


def check_supported(request: dict) -> None:
    """Raises an error that names the first thing in a request that this emulator does not do."""
    operation = "CreateProcessingJob"
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstancePreferences"):
        raise jobs.unsupported(operation, "ClusterConfig.InstancePreferences")
    if not cluster.get("InstanceType", "").startswith("ml.") or cluster.get("InstanceCount", 0) < 1:
        raise AwsError("ValidationException", "ClusterConfig: InstanceType and an InstanceCount of 1 or more expected")
    if "ContainerEntrypoint" not in request["AppSpecification"]:
        raise jobs.unsupported(operation, "an image's own entry point (AppSpecification without ContainerEntrypoint)")
    for given in request.get("ProcessingInputs", []):
        _check_input(given)
    for given in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in given or given.get("AppManaged"):
            raise jobs.unsupported(operation, f"output {given['OutputName']}: anything but S3Output")
        check_local_path(f"output {given['OutputName']}", given["S3Output"].get("LocalPath", ""))


def _check_input(given: dict) -> None:
    name = given["InputName"]
    source = given.get("S3Input")
    if source is None or given.get("AppManaged"):
        raise jobs.unsupported("CreateProcessingJob", f"input {name}: anything but S3Input")
    if source["S3DataType"] != "S3Prefix":
        raise jobs.unsupported("CreateProcessingJob", f"input {name}: S3DataType {source['S3DataType']}")
    if source.get("S3InputMode", "File") != "File":
        raise jobs.unsupported("CreateProcessingJob", f"input {name}: S3InputMode {source['S3InputMode']}")
    if source.get("S3CompressionType", "None") != "None":
        raise jobs.unsupported("CreateProcessingJob", f"input {name}: S3CompressionType {source['S3CompressionType']}")
    check_local_path(f"input {name}", source.get("LocalPath", ""))


def check_local_path(what: str, path: str) -> None:
    """Raises ValidationException unless the path lies below /opt/ml/processing, which SageMaker demands."""
    if not os.path.normpath(path).startswith("/opt/ml/processing/"):
        raise AwsError(
            "ValidationException",
            f"{what}: LocalPath {path!r} is not valid; expected a path below /opt/ml/processing/",
        )
