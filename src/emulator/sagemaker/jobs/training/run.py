"""One training job, run by the real SageMaker training toolkit: one process group for each instance.

The toolkit is told by SAGEMAKER_BASE_DIR where /opt/ml lies, installs requirements, starts torchrun and reports
failures as it does in the AWS images.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.locations import Location, parse_location
from emulator.sagemaker.jobs import storage
from emulator.sagemaker.jobs.instances import (
    Ended,
    Instance,
    InstanceOutput,
    download_input,
    exit_status,
    first_text,
    instance_environment,
    make_instances,
    resource_config,
    run_instances,
)
from emulator.sagemaker.jobs.job import REASON_LENGTH, JobFailedError, now
from emulator.sagemaker.jobs.training.job import TrainingJob
from emulator.sagemaker.jobs.training.metrics import MetricsPublisher
from emulator.sagemaker.jobs.training.requests import channel_config, model_name, output_location

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"


class TrainingRun:
    """Carries one job out: download, train, upload; again from the checkpoints after a spot interruption."""

    def __init__(self, cloud: Cloud, job: TrainingJob):
        self._cloud = cloud
        self._job = job
        self._request = job.request
        self._role_arn = job.request["RoleArn"]
        self._root: Path = cloud.directory("sagemaker") / "training-jobs" / job.name
        self._instances: list[Instance] = []

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
        except JobFailedError as error:
            job.finish("Failed", "Failed", str(error))
        except (*storage.FAILURES, ValueError, AwsError) as error:
            job.finish("Failed", "Failed", f"ClientError: {error}")
        except Exception as error:
            job.finish("Failed", "Failed", f"InternalServerError: {type(error).__name__}: {error}")
            raise
        finally:
            shutil.rmtree(self._root, ignore_errors=True)

    def _train(self) -> Ended:
        job, request = self._job, self._request
        s3 = self._s3()
        job.enter("Downloading")
        self._instances = make_instances(self._root, request["ResourceConfig"]["InstanceCount"])

        for channel in request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            directory = f"/opt/ml/input/data/{channel['ChannelName']}"
            download_input(s3, self._instances, source["S3Uri"], directory, source.get("S3DataDistributionType"))
        syncs = [sync for instance in self._instances for sync in self._restore_checkpoints(s3, instance)]
        for instance in self._instances:
            self._lay_out(instance)

        output = InstanceOutput(self._cloud, LOG_GROUP, job, self._instances, job.metrics.observe)
        publisher = MetricsPublisher(self._cloud, job.name, self._role_arn, job.metrics)
        job.enter("Training")

        began = time.monotonic()
        with job.lock:
            job.started = job.started or now()
        port = _free_port()
        commands = {each.name: (self._command(each), self._environment(each, port)) for each in self._instances}

        try:
            return run_instances(commands, self._instances, output, self._ending_events(began))
        finally:
            job.training_seconds += time.monotonic() - began
            output.close()
            publisher.close()
            for sync in syncs:
                sync.finish()

    def _ending_events(self, began: float) -> dict[str, Callable[[], bool]]:
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
            events["wait"] = lambda: (now() - job.created).total_seconds() > max_wait
        return events

    def _conclude(self, ended: Ended) -> None:
        job = self._job
        job.enter("Uploading")
        self._upload(failed=ended.first_failed is not None)
        if ended.first_failed is not None:
            job.finish("Failed", "Failed", failure_reason(self._instances, ended, ended.first_failed))
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
        location = output_location(self._request)
        compress = output.get("CompressionType", "GZIP") == "GZIP"
        if not failed and self._holds_files("/opt/ml/model"):
            self._upload_all(s3, "/opt/ml/model", location.below(*model_name(self._request)), compress, key)
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

    def _restore_checkpoints(self, s3, instance: Instance) -> list[storage.DirectorySync]:
        config = self._request.get("CheckpointConfig")
        if config is None:
            return []
        directory = instance.path(config.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
        location = parse_location(config["S3Uri"])
        storage.download(s3, location, storage.list_keys(s3, location), directory)
        key = self._request["OutputDataConfig"].get("KmsKeyId")
        return [storage.DirectorySync(s3, directory, location, key, deletes=True)]

    def _lay_out(self, instance: Instance) -> None:
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
                    channel["ChannelName"]: channel_config(channel) for channel in request.get("InputDataConfig", [])
                },
                "resourceconfig.json": resource_config(instance, self._instances, resources["InstanceType"]),
            },
        )

    def _command(self, instance: Instance) -> list[str]:
        algorithm = self._request["AlgorithmSpecification"]
        entry_point = [*algorithm.get("ContainerEntrypoint", ["train"]), *algorithm.get("ContainerArguments", [])]
        return [instance.relocate(word) for word in entry_point]

    def _environment(self, instance: Instance, port: int) -> dict[str, str]:
        return {
            **instance_environment(
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

    def _s3(self) -> Any:
        return self._cloud.client("s3", self._role_arn, "SageMaker")


def failure_reason(instances: list[Instance], ended: Ended, first_failed: Instance) -> str:
    """FailureReason of a job whose processes failed: the words of the instance that failed first, and its exit status.

    Which one that was tell their failure files: the end of a process comes later, after its clean-up.
    """
    written_at = {
        each.name: file.stat().st_mtime_ns
        for each in instances
        if (file := each.path("/opt/ml/output/failure")).is_file()
    }
    candidates = [each for each in instances if each.name in written_at]
    instance = min(candidates, key=lambda each: written_at[each.name], default=first_failed)
    written = first_text(instance.path("/opt/ml/output/failure"))
    suffix = f", exit code: {exit_status(ended.exit_codes[instance.name])}"
    return "AlgorithmError: " + written[: REASON_LENGTH - len("AlgorithmError: ") - len(suffix)] + suffix


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
