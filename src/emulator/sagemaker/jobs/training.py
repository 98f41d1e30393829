"""Training jobs, run by the real SageMaker training toolkit: one process group for each instance.

The toolkit is told by SAGEMAKER_BASE_DIR where /opt/ml lies, installs requirements, starts torchrun and reports
failures as it does in the AWS images.
"""

import logging
import re
import shutil
import socket
import threading
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import Location, parse_location
from emulator.iam.roles import check_role
from emulator.sagemaker.jobs import instances as jobs
from emulator.sagemaker.jobs import storage
from emulator.sagemaker.jobs.metrics import TrainingMetrics

LOG = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_NAMESPACE = "/aws/sagemaker/TrainingJobs"
METRICS_SECONDS = 1.0
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"

STATUS_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training image",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "The spot instances were taken back. The job restarts from its checkpoints.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "The job ran longer than MaxRuntimeInSeconds",
    "MaxWaitTimeExceeded": "The job waited longer than MaxWaitTimeInSeconds",
}

# Members of a request that DescribeTrainingJob gives back as they came.
DESCRIBED = (
    "HyperParameters",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "Environment",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
)
FLAGS = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")


class TrainingJob(jobs.Job):
    """Record of one training job; see `jobs.Job`."""

    def __init__(self, arn: str, request: dict):
        super().__init__(arn, request["TrainingJobName"], request)
        self.metrics = TrainingMetrics(request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self.interrupt_requested = threading.Event()
        self.training_seconds = 0.0
        self.secondary = ""
        self.transitions: list[dict] = []
        self.model_uri = _output_location(request).below(*_model_name(request)).uri
        self.enter("Starting")

    @property
    def max_runtime_seconds(self) -> int:
        return self.request["StoppingCondition"].get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)

    def enter(self, secondary: str, message: str | None = None) -> None:
        """Moves on to a secondary status."""
        with self.lock:
            moment = jobs.now()
            if self.transitions:
                self.transitions[-1]["EndTime"] = moment
            message = message or STATUS_MESSAGES[secondary]
            self.transitions.append({"Status": secondary, "StartTime": moment, "StatusMessage": message})
            self.secondary = secondary
            self.modified = moment

    def request_stop(self, kind: str) -> None:
        with self.lock:
            super().request_stop(kind)
            if self.secondary != "Stopping":
                self.enter("Stopping")

    def finish(self, status: str, secondary: str, failure_reason: str | None = None) -> None:
        """Moves on to a status that is final."""
        with self.lock:
            self.enter(secondary, failure_reason)
            self.ended = self.modified = self.transitions[-1]["EndTime"] = self.transitions[-1]["StartTime"]
            self.status = status
            self.failure_reason = failure_reason[: jobs.REASON_LENGTH] if failure_reason else None

    def description(self) -> dict:
        """The answer of DescribeTrainingJob."""
        with self.lock:
            seconds = max(1, round(self.training_seconds)) if self.ended and self.started else None
            return {
                "TrainingJobName": self.name,
                "TrainingJobArn": self.arn,
                "ModelArtifacts": {"S3ModelArtifacts": self.model_uri},
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
                "FailureReason": self.failure_reason,
                "AlgorithmSpecification": {
                    "EnableSageMakerMetricsTimeSeries": False,
                    **self.request["AlgorithmSpecification"],
                },
                "CreationTime": self.created,
                "TrainingStartTime": self.started,
                "TrainingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
                "FinalMetricDataList": self.metrics.final() or None,
                "TrainingTimeInSeconds": seconds,
                "BillableTimeInSeconds": seconds,
                **{name: self.request.get(name) for name in DESCRIBED},
                **{name: self.request.get(name, False) for name in FLAGS},
            }


class TrainingOperations:
    """CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob; and spot interruption on demand."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self._training_jobs: dict[str, TrainingJob] = {}
        self._training_lock = threading.Lock()

    def create_training_job(self, request: dict, caller: Caller) -> dict:
        check_supported(request)
        check_times(request)
        name = request["TrainingJobName"]
        resources = request["ResourceConfig"]
        check_role(self.cloud, "sagemaker", request["RoleArn"])
        with self._training_lock:
            if name in self._training_jobs:
                raise AwsError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, and a training job with "
                    f"this name already exists ({self._training_jobs[name].arn})",
                )
            usage = "spot training" if request.get("EnableManagedSpotTraining") else "training"
            instance_type = resources["InstanceType"]
            jobs.check_limit(
                self._training_jobs.values(),
                instance_type,
                resources["InstanceCount"],
                usage,
                lambda job: _instance_count(job, instance_type),
            )
            job = TrainingJob(self.cloud.arn("sagemaker", f"training-job/{name}"), request)
            self._training_jobs[name] = job
        self.remember_tags(job.arn, request.get("Tags", []))
        self.cloud.background(TrainingRun(self.cloud, job).run)
        return {"TrainingJobArn": job.arn}

    def describe_training_job(self, request: dict, caller: Caller) -> dict:
        return self._training_job(request["TrainingJobName"]).description()

    def list_training_jobs(self, request: dict, caller: Caller) -> dict:
        for name in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"):
            if name in request:
                raise jobs.unsupported("ListTrainingJobs", name)
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
            for job in list(self._training_jobs.values())
        ]
        return listing(entries, request, "TrainingJobSummaries")

    def stop_training_job(self, request: dict, caller: Caller) -> dict:
        job = self._training_job(request["TrainingJobName"])
        job.request_stop("training")
        return {}

    def interrupt_training_job(self, name: str) -> None:
        """Takes the spot instances of a running job back (no AWS operation; tests and demonstrations ask for it)."""
        job = self._training_job(name)
        if not job.request.get("EnableManagedSpotTraining"):
            raise AwsError("ValidationException", f"Training job {name} does not use managed spot training.")
        if job.secondary != "Training":
            raise AwsError("ValidationException", f"Training job {name} is {job.secondary}, expected Training.")
        job.interrupt_requested.set()

    def _training_job(self, name: str) -> TrainingJob:
        if name not in self._training_jobs:
            raise AwsError("ValidationException", "Requested resource not found.")
        return self._training_jobs[name]


class TrainingRun:
    """Carries one job out: download, train, upload; again from the checkpoints after a spot interruption."""

    def __init__(self, cloud, job: TrainingJob):
        self._cloud = cloud
        self._job = job
        self._request = job.request
        self._role_arn = job.request["RoleArn"]
        self._root: Path = cloud.directory("sagemaker") / "training-jobs" / job.name
        self._instances: list[jobs.Instance] = []

    def run(self) -> None:
        """Brings the job to its final status, whatever happens."""
        job = self._job
        try:
            ended = self._train()
            while ended.interrupted_by == "interruption":
                job.enter("Interrupted")
                job.interrupt_requested.clear()
                job.enter("Starting")
                ended = self._train()
            self._conclude(ended)
        except jobs.JobFailedError as error:
            job.finish("Failed", "Failed", str(error))
        except (*storage.FAILURES, ValueError, AwsError) as error:
            job.finish("Failed", "Failed", f"ClientError: {error}")
        except Exception as error:
            job.finish("Failed", "Failed", f"InternalServerError: {type(error).__name__}: {error}")
            raise
        finally:
            shutil.rmtree(self._root, ignore_errors=True)

    def _train(self) -> jobs.Ended:
        job, request = self._job, self._request
        s3 = self._s3()
        job.enter("Downloading")
        self._instances = jobs.make_instances(self._root, request["ResourceConfig"]["InstanceCount"])
        for channel in request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            directory = f"/opt/ml/input/data/{channel['ChannelName']}"
            jobs.download_input(s3, self._instances, source["S3Uri"], directory, source.get("S3DataDistributionType"))
        syncs = [sync for instance in self._instances for sync in self._restore_checkpoints(s3, instance)]
        for instance in self._instances:
            self._lay_out(instance)
        output = jobs.InstanceOutput(self._cloud, LOG_GROUP, job, self._instances, job.metrics.observe)
        publisher = MetricsPublisher(self._cloud, job)
        job.enter("Training")
        began = time.monotonic()
        with job.lock:
            job.started = job.started or jobs.now()
        port = _free_port()
        commands = {each.name: (self._command(each), self._environment(each, port)) for each in self._instances}
        try:
            return jobs.run_instances(commands, self._instances, output, self._ending_events(began))
        finally:
            job.training_seconds += time.monotonic() - began
            output.close()
            publisher.close()
            for sync in syncs:
                sync.finish()

    def _ending_events(self, began: float) -> dict:
        job = self._job
        runtime_left = job.max_runtime_seconds - job.training_seconds
        max_wait = self._request["StoppingCondition"].get("MaxWaitTimeInSeconds")
        events = {
            "stop": job.stop_requested.is_set,
            "emulator ends": self._cloud.stopping.is_set,
            "interruption": job.interrupt_requested.is_set,
            "runtime": lambda: time.monotonic() - began > runtime_left,
        }
        if max_wait is not None:
            events["wait"] = lambda: (jobs.now() - job.created).total_seconds() > max_wait
        return events

    def _conclude(self, ended: jobs.Ended) -> None:
        job = self._job
        job.enter("Uploading")
        self._upload(failed=ended.first_failed is not None)
        if ended.first_failed is not None:
            job.finish("Failed", "Failed", failure_reason(self._instances, ended))
        elif ended.interrupted_by == "emulator ends":
            job.finish("Failed", "Failed", "InternalServerError: the emulator was stopped while the job ran")
        elif ended.interrupted_by == "runtime":
            job.finish("Stopped", "MaxRuntimeExceeded")
        elif ended.interrupted_by == "wait":
            job.finish("Stopped", "MaxWaitTimeExceeded")
        elif ended.interrupted_by == "stop":
            job.finish("Stopped", "Stopped")
        else:
            job.finish("Completed", "Completed")

    def _upload(self, failed: bool) -> None:
        """Uploads /opt/ml/model (not of a failed job) and /opt/ml/output/data of all instances, merged."""
        s3 = self._s3()
        output = self._request["OutputDataConfig"]
        key = output.get("KmsKeyId")
        location = _output_location(self._request)
        compress = output.get("CompressionType", "GZIP") == "GZIP"
        if not failed and self._holds_files("/opt/ml/model"):
            self._upload_all(s3, "/opt/ml/model", location.below(*_model_name(self._request)), compress, key)
        if self._holds_files("/opt/ml/output/data"):
            name = "output.tar.gz" if compress else "data"
            self._upload_all(s3, "/opt/ml/output/data", location.below("output", name), compress, key)

    def _holds_files(self, container_path: str) -> bool:
        return any(file.is_file() for each in self._instances for file in each.path(container_path).rglob("*"))

    def _upload_all(self, s3, container_path: str, target: Location, compress: bool, key: str | None) -> None:
        directories = [each.path(container_path) for each in self._instances]
        if compress:
            storage.upload_archive(s3, directories, target, key)
            return
        for directory in reversed(directories):  # so that of equal names the first instance's stays
            storage.upload_directory(s3, directory, target, key)

    def _restore_checkpoints(self, s3, instance: jobs.Instance) -> list[storage.DirectorySync]:
        config = self._request.get("CheckpointConfig")
        if config is None:
            return []
        directory = instance.path(config.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
        location = parse_location(config["S3Uri"])
        storage.download(s3, location, storage.list_keys(s3, location), directory)
        key = self._request["OutputDataConfig"].get("KmsKeyId")
        return [storage.DirectorySync(s3, directory, location, key, deletes=True)]

    def _lay_out(self, instance: jobs.Instance) -> None:
        request = self._request
        for directory in ("code", "model", "input/data", "output/data", "output/intermediate"):
            (instance.base / directory).mkdir(parents=True, exist_ok=True)
        hyperparameters = request.get("HyperParameters", {})
        resources = request["ResourceConfig"]
        instance.write_config(
            "/opt/ml/input/config",
            {
                "hyperparameters.json": {name: instance.relocate(value) for name, value in hyperparameters.items()},
                "inputdataconfig.json": {
                    channel["ChannelName"]: _channel_config(channel) for channel in request.get("InputDataConfig", [])
                },
                "resourceconfig.json": jobs.resource_config(instance, self._instances, resources["InstanceType"]),
            },
        )

    def _command(self, instance: jobs.Instance) -> list[str]:
        algorithm = self._request["AlgorithmSpecification"]
        entry_point = [*algorithm.get("ContainerEntrypoint", ["train"]), *algorithm.get("ContainerArguments", [])]
        return [instance.relocate(word) for word in entry_point]

    def _environment(self, instance: jobs.Instance, port: int) -> dict[str, str]:
        return {
            **jobs.instance_environment(
                self._cloud,
                self._role_arn,
                "SageMaker",
                instance,
                len(self._instances),
                self._request.get("Environment", {}),
            ),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
            "SAGEMAKER_TRAINING_MODULE": "sagemaker_pytorch_container.training:main",
            "EMULATED_RENDEZVOUS_PORT": str(port),
        }

    def _s3(self):
        return self._cloud.client("s3", self._role_arn, "SageMaker")


class MetricsPublisher:
    """Sends a job's metrics to CloudWatch while it runs."""

    def __init__(self, cloud, job: TrainingJob):
        self._client = cloud.client("cloudwatch", job.request["RoleArn"], "SageMaker")
        self._job = job
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"metrics-{job.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closed.wait(METRICS_SECONDS):
                self._publish()
            self._publish()
        except (ClientError, BotoCoreError) as error:
            LOG.warning("the metrics of training job %s can't be published: %s", self._job.name, error)

    def _publish(self) -> None:
        data = [
            {
                "MetricName": each.name,
                "Dimensions": [{"Name": "TrainingJobName", "Value": self._job.name}],
                "Timestamp": each.at,
                "Value": each.value,
            }
            for each in self._job.metrics.take_pending()
        ]
        for begin in range(0, len(data), 500):
            self._client.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data[begin : begin + 500])


def failure_reason(instances: list[jobs.Instance], ended: jobs.Ended) -> str:
    """FailureReason of a job whose processes failed: the words of the instance that failed first, and its exit status.

    Which one that was tell their failure files: the end of a process comes later, after its clean-up.
    """
    written_at = {
        each.name: file.stat().st_mtime_ns
        for each in instances
        if (file := each.path("/opt/ml/output/failure")).is_file()
    }
    candidates = [each for each in instances if each.name in written_at]
    instance = min(candidates, key=lambda each: written_at[each.name], default=ended.first_failed)
    written = jobs.first_text(instance.path("/opt/ml/output/failure"))
    suffix = f", exit code: {jobs.exit_status(ended.exit_codes[instance.name])}"
    return "AlgorithmError: " + written[: jobs.REASON_LENGTH - len("AlgorithmError: ") - len(suffix)] + suffix


def check_supported(request: dict) -> None:
    """Raises an error that names the first thing in a request that this emulator does not do."""
    operation = "CreateTrainingJob"
    for name in ("ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig", "SessionChainingConfig"):
        if name in request:
            raise jobs.unsupported(operation, name)
    if "AlgorithmSpecification" not in request or "ResourceConfig" not in request:
        raise AwsError("ValidationException", "AlgorithmSpecification and ResourceConfig are required.")
    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    image = algorithm.get("TrainingImage", "")
    if not image:
        raise jobs.unsupported(operation, "training without TrainingImage (AlgorithmName)")
    if "pytorch" not in image and "ContainerEntrypoint" not in algorithm:
        raise jobs.unsupported(operation, f"image {image} (PyTorch and Hugging Face PyTorch images are)")
    for name in ("InstanceGroups", "TrainingPlanArn", "InstancePlacementConfig", "InstancePreferences"):
        if resources.get(name):
            raise jobs.unsupported(operation, f"ResourceConfig.{name}")
    if not re.match(r"ml\.", resources.get("InstanceType", "")) or resources.get("InstanceCount", 0) < 1:
        raise AwsError("ValidationException", "ResourceConfig: InstanceType and an InstanceCount of 1 or more expected")
    for channel in request.get("InputDataConfig", []):
        _check_channel(channel, algorithm["TrainingInputMode"])


def _check_channel(channel: dict, default_mode: str) -> None:
    name = channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise jobs.unsupported("CreateTrainingJob", f"channel {name}: a data source other than S3")
    if source["S3DataType"] != "S3Prefix":
        raise jobs.unsupported("CreateTrainingJob", f"channel {name}: S3DataType {source['S3DataType']}")
    mode = channel.get("InputMode", default_mode)
    if mode != "File":
        raise jobs.unsupported("CreateTrainingJob", f"channel {name}: input mode {mode}")
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member, "None") != "None":
            raise jobs.unsupported("CreateTrainingJob", f"channel {name}: {member} {channel[member]}")


def check_times(request: dict) -> None:
    """Raises ValidationException where the times of a managed spot job don't fit."""
    condition = request.get("StoppingCondition", {})
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS, **condition}
    max_wait = condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if max_wait is None or max_wait < request["StoppingCondition"]["MaxRuntimeInSeconds"]:
            raise AwsError(
                "ValidationException",
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
            )
    elif max_wait is not None:
        raise AwsError("ValidationException", "MaxWaitTimeInSeconds is only for managed spot training")


def _channel_config(channel: dict) -> dict:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
    }
    return config | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})


def _output_location(request: dict) -> Location:
    location = parse_location(request["OutputDataConfig"]["S3OutputPath"])
    return location.below(request["TrainingJobName"])


def _model_name(request: dict) -> tuple[str, str]:
    compress = request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP"
    return ("output", "model.tar.gz" if compress else "model")


def _instance_count(job: TrainingJob, instance_type: str) -> int:
    resources = job.request["ResourceConfig"]
    return resources["InstanceCount"] if resources["InstanceType"] == instance_type else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
