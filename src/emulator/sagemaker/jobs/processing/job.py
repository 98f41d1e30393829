"""The record of one processing job."""

from __future__ import annotations

from emulator.sagemaker.jobs.job import REASON_LENGTH, Job, now

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


class ProcessingJob(Job):
    """Record of one processing job; see `Job`."""

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
            self.ended = self.modified = now()
            self.status = status
            self.failure_reason = failure_reason[:REASON_LENGTH] if failure_reason else None

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
