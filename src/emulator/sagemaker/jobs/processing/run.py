"""One processing job: inputs brought below /opt/ml/processing, the entry point run on each instance, outputs kept."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.locations import parse_location
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
from emulator.sagemaker.jobs.processing.job import DESCRIBED, ProcessingJob

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


class ProcessingRun:
    """Carries one job out."""

    def __init__(self, cloud: Cloud, job: ProcessingJob):
        self._cloud = cloud
        self._job = job
        self._request = job.request
        self._role_arn = job.request["RoleArn"]
        self._root: Path = cloud.directory("sagemaker") / "processing-jobs" / job.name
        self._instances: list[Instance] = []

    def run(self) -> None:
        """Brings the job to its final status, whatever happens."""
        job = self._job
        try:
            self._conclude(self._process())
        except JobFailedError as error:
            job.finish("Failed", str(error))
        except (*storage.FAILURES, ValueError, AwsError) as error:
            job.finish("Failed", f"ClientError: {error}")
        except Exception as error:
            job.finish("Failed", f"InternalServerError: {type(error).__name__}: {error}")
            raise
        finally:
            shutil.rmtree(self._root, ignore_errors=True)

    def _process(self) -> Ended:
        job, request = self._job, self._request
        s3 = self._s3()
        self._instances = make_instances(self._root, job.cluster["InstanceCount"])

        for given in request.get("ProcessingInputs", []):
            source = given["S3Input"]
            download_input(
                s3, self._instances, source["S3Uri"], source["LocalPath"], source.get("S3DataDistributionType")
            )
        for instance in self._instances:
            self._lay_out(instance)
        syncs = [sync for instance in self._instances for sync in self._continuous_outputs(s3, instance)]

        output = InstanceOutput(self._cloud, LOG_GROUP, job, self._instances, lambda line: None)
        with job.lock:
            job.started = job.modified = now()
        deadline = time.monotonic() + job.max_runtime_seconds

        commands = {each.name: (self._command(each), self._environment(each)) for each in self._instances}
        events = {
            "stop": job.stop_requested.is_set,
            "emulator ends": self._cloud.stopping.is_set,
            "runtime": lambda: time.monotonic() > deadline,
        }

        try:
            return run_instances(commands, self._instances, output, events)
        finally:
            output.close()
            for sync in syncs:
                sync.finish()

    def _conclude(self, ended: Ended) -> None:
        job = self._job
        messages = [first_text(each.path("/opt/ml/output/message")) for each in self._instances]
        with job.lock:
            job.exit_message = "".join(messages)[:REASON_LENGTH] or None
        if ended.first_failed is not None:
            status = exit_status(ended.exit_codes[ended.first_failed.name])
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

    def _continuous_outputs(self, s3, instance: Instance) -> list[storage.DirectorySync]:
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

    def _lay_out(self, instance: Instance) -> None:
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
                "resourceconfig.json": resource_config(instance, self._instances, self._job.cluster["InstanceType"]),
            },
        )

    def _command(self, instance: Instance) -> list[str]:
        application = self._request["AppSpecification"]
        words = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
        return [instance.relocate(word) for word in words]

    def _environment(self, instance: Instance) -> dict[str, str]:
        return {
            **instance_environment(
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

    def _s3(self) -> Any:
        return self._cloud.client("s3", self._role_arn, "SageMaker")
