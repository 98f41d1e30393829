"""What endpoints report to CloudWatch about each invocation, and the recent samples that alarms are evaluated on."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

NAMESPACE = "AWS/SageMaker"
FLUSH_SECONDS = 1.0
DATA_PER_CALL = 1000  # limit of PutMetricData
SAMPLES_KEPT = 20_000  # per metric and variant
UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}


@dataclass(frozen=True)
class Invocation:
    """One request to a variant, as it ended."""

    endpoint_name: str
    variant_name: str
    instance_count: int
    status: int  # HTTP status that the model answered with, 503 where it could not answer
    model_seconds: float  # from sending the request to the model until its whole answer was there
    overhead_seconds: float  # the rest of the time in the service


def metrics_of(invocation: Invocation) -> dict[str, float]:
    """The metrics of one invocation. Error metrics are 0 or 1, so that their average is a rate."""
    return {
        "Invocations": 1.0,
        "InvocationsPerInstance": 1 / max(1, invocation.instance_count),
        "Invocation4XXErrors": float(400 <= invocation.status < 500),
        "Invocation5XXErrors": float(invocation.status >= 500),
        "ModelLatency": invocation.model_seconds * 1e6,
        "OverheadLatency": invocation.overhead_seconds * 1e6,
    }


class EndpointMetrics:
    """Collects invocations, keeps them for alarms, and writes them to CloudWatch each second."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._lock = threading.Lock()
        self._unwritten: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._samples: dict[tuple[str, str, str], deque] = defaultdict(lambda: deque(maxlen=SAMPLES_KEPT))
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, invocation: Invocation) -> None:
        """Add one invocation; it reaches CloudWatch within about a second."""
        now = time.time()
        with self._lock:
            for name, value in metrics_of(invocation).items():
                key = (name, invocation.endpoint_name, invocation.variant_name)
                self._unwritten[key].append(value)
                self._samples[key].append((now, value))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="endpoint-metrics", daemon=True)
                self._thread.start()

    def samples(self, metric_name: str, dimensions: dict[str, str], since: float) -> list[tuple[float, float]]:
        """(time in seconds since the epoch, value) of one metric from `since` on, oldest first."""
        key = (metric_name, dimensions.get("EndpointName", ""), dimensions.get("VariantName", ""))
        with self._lock:
            kept = list(self._samples.get(key, ()))
        return [sample for sample in kept if sample[0] >= since]

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        client = self._cloud.client("cloudwatch")
        while not self._closed.wait(FLUSH_SECONDS):
            with self._lock:
                values, self._unwritten = self._unwritten, defaultdict(list)
            data = as_metric_data(values, datetime.now(UTC))
            for start in range(0, len(data), DATA_PER_CALL):
                try:
                    client.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + DATA_PER_CALL])
                except (BotoCoreError, ClientError):
                    log.exception("endpoint metrics of one second were not written")


def as_metric_data(values: dict[tuple[str, str, str], list[float]], now: datetime) -> list[dict]:
    """PutMetricData's MetricData for values keyed by (metric, endpoint, variant): one statistic set each."""
    return [
        {
            "MetricName": name,
            "Dimensions": [
                {"Name": "EndpointName", "Value": endpoint_name},
                {"Name": "VariantName", "Value": variant_name},
            ],
            "Timestamp": now,
            "StatisticValues": {
                "SampleCount": float(len(found)),
                "Sum": sum(found),
                "Minimum": min(found),
                "Maximum": max(found),
            },
            "Unit": UNITS.get(name, "None"),
        }
        for (name, endpoint_name, variant_name), found in values.items()
    ]
