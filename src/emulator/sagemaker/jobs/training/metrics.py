"""Metrics of a training job: found in its log lines by the expressions of MetricDefinitions, sent to CloudWatch."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError

LOG = logging.getLogger(__name__)

METRIC_NAMESPACE = "/aws/sagemaker/TrainingJobs"
METRICS_SECONDS = 1.0
DATA_PER_CALL = 500


@dataclass(frozen=True)
class Measurement:
    """One value that a line held."""

    name: str
    value: float
    at: datetime


class TrainingMetrics:
    """Collects the measurements of a job; any thread may observe lines and take what came since the last time."""

    def __init__(self, definitions: list[dict]):
        """`definitions` are MetricDefinitions ({"Name", "Regex"}).

        Raises ValidationException for a regex that can't be compiled or has no group for the value.
        """
        self._patterns = {each["Name"]: compiled(each["Name"], each["Regex"]) for each in definitions}
        self._lock = threading.Lock()
        self._last: dict[str, Measurement] = {}
        self._pending: list[Measurement] = []

    def observe(self, line: str) -> None:
        found = find(self._patterns, line)
        if not found:
            return
        at = datetime.now(UTC)
        with self._lock:
            for name, value in found:
                measurement = Measurement(name, value, at)
                self._last[name] = measurement
                self._pending.append(measurement)

    def final(self) -> list[dict]:
        """FinalMetricDataList: the last value of each metric."""
        with self._lock:
            return [
                {"MetricName": each.name, "Value": each.value, "Timestamp": each.at} for each in self._last.values()
            ]

    def take_pending(self) -> list[Measurement]:
        """What came since the last call."""
        with self._lock:
            pending, self._pending = self._pending, []
            return pending


class MetricsPublisher:
    """Sends a job's metrics to CloudWatch while it runs."""

    def __init__(self, cloud: Cloud, job_name: str, role_arn: str, metrics: TrainingMetrics):
        self._client = cloud.client("cloudwatch", role_arn, "SageMaker")
        self._job_name = job_name
        self._metrics = metrics
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"metrics-{job_name}", daemon=True)
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
            LOG.warning("the metrics of training job %s can't be published: %s", self._job_name, error)

    def _publish(self) -> None:
        data = [
            {
                "MetricName": each.name,
                "Dimensions": [{"Name": "TrainingJobName", "Value": self._job_name}],
                "Timestamp": each.at,
                "Value": each.value,
            }
            for each in self._metrics.take_pending()
        ]
        for begin in range(0, len(data), DATA_PER_CALL):
            self._client.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data[begin : begin + DATA_PER_CALL])


def compiled(name: str, regex: str) -> re.Pattern:
    """The regex of one metric. Raises ValidationException with the reason."""
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise AwsError("ValidationException", f"Metric {name!r}: regex {regex!r} can't be compiled: {error}") from error
    if pattern.groups < 1:
        raise AwsError("ValidationException", f"Metric {name!r}: regex {regex!r} has no group that captures the value")
    return pattern


def find(patterns: dict[str, re.Pattern], line: str) -> list[tuple[str, float]]:
    """(metric, value) for each match in a line; what is captured and is no number does not count."""
    found = []
    for name, pattern in patterns.items():
        for match in pattern.finditer(line):
            try:
                found.append((name, float(match.group(1))))
            except (TypeError, ValueError):
                continue
    return found
