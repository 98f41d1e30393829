"""The record of one training job."""

from __future__ import annotations

import threading

from emulator.sagemaker.jobs.job import REASON_LENGTH, Job, now
from emulator.sagemaker.jobs.training.metrics import TrainingMetrics
from emulator.sagemaker.jobs.training.requests import DEFAULT_MAX_RUNTIME_SECONDS, model_name, output_location

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


class TrainingJob(Job):
    """Record of one training job; see `Job`."""

    def __init__(self, arn: str, request: dict):
        super().__init__(arn, request["TrainingJobName"], request)
        self.metrics = TrainingMetrics(request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self.interrupt_requested = threading.Event()
        self.training_seconds = 0.0
        self.secondary = ""
        self.transitions: list[dict] = []
        self.model_uri = output_location(request).below(*model_name(request)).uri
        self.enter("Starting")

    @property
    def max_runtime_seconds(self) -> int:
        return self.request["StoppingCondition"].get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)

    def enter(self, secondary: str, message: str | None = None) -> None:
        """Moves on to a secondary status."""
        with self.lock:
            moment = now()
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
            self.failure_reason = failure_reason[:REASON_LENGTH] if failure_reason else None

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
