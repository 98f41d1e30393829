"""The life of one endpoint: fleets come up, traffic moves between them, and not one request is lost on the way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import ClientError

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.sagemaker.hosting.alarms import OUR_REASON, evaluate, is_ours
from emulator.sagemaker.hosting.fleet import Fleet, FleetFailedError
from emulator.sagemaker.hosting.metrics import EndpointMetrics
from emulator.sagemaker.hosting.rollout import Rollout

log = logging.getLogger(__name__)

ALARM_POLL_SECONDS = 0.2
LONGEST_REASON = 1024
DRAIN_SECONDS = 90  # longer than an invocation may take


@dataclass
class Variant:
    """One variant as it runs: its fleet and the numbers that DescribeEndpoint reports."""

    fleet: Fleet
    weight: float
    instance_count: int | None  # None for serverless
    serverless: dict | None
    desired_weight: float
    desired_instance_count: int | None
    running_requests: int = 0
    credit: float = 0.0  # of the weighted rotation


@dataclass
class Deployment:
    """All variants of one endpoint config, running."""

    config_name: str
    variants: dict[str, Variant]
    share: float = 0.0  # of the endpoint's traffic
    stage: str = "Creating"  # VariantStatus while it is being deployed: Creating, ActivatingTraffic, Baking
    started: datetime | None = None

    def start(self) -> None:
        """Start every fleet. Raises FleetFailedError."""
        for variant in self.variants.values():
            variant.fleet.start()

    def stop(self) -> None:
        for variant in self.variants.values():
            variant.fleet.stop()


@dataclass
class Endpoint:
    """One endpoint: what DescribeEndpoint says of it, and which deployments answer."""

    name: str
    arn: str
    config_name: str
    created: datetime
    modified: datetime
    status: str = "Creating"
    failure_reason: str | None = None
    last_deployment_config: dict | None = None
    live: Deployment | None = None
    pending: Deployment | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def acquire(self, variant_name: str | None = None) -> Variant | None:
        """The variant to answer the next request, counted as running until `release`; None where none can.

        A rotation by weight: over a few requests already each variant gets its share, exactly.
        """
        with self.changed:
            candidates = [
                (deployment.share * (variant.weight if variant_name is None else 1.0), variant)
                for deployment in (self.live, self.pending)
                if deployment is not None and deployment.share > 0
                for name, variant in deployment.variants.items()
                if variant_name in (None, name)
            ]
            candidates = [(weight, variant) for weight, variant in candidates if weight > 0]
            if not candidates:
                return None
            for weight, variant in candidates:
                variant.credit += weight
            chosen = max(candidates, key=lambda candidate: candidate[1].credit)[1]
            chosen.credit -= sum(weight for weight, _ in candidates)
            chosen.running_requests += 1
            return chosen

    def release(self, variant: Variant) -> None:
        with self.changed:
            variant.running_requests -= 1
            self.changed.notify_all()

    def drain(self, deployment: Deployment) -> None:
        """Wait until a deployment without traffic has answered its last request."""
        with self.changed:
            self.changed.wait_for(
                lambda: not any(variant.running_requests for variant in deployment.variants.values()),
                timeout=DRAIN_SECONDS,
            )

    def serving(self) -> Deployment:
        """The live deployment, which every endpoint has that was in service once."""
        assert self.live is not None, f"endpoint {self.name} is {self.status}"
        return self.live

    def shift(self, pending: Deployment, share: float) -> None:
        """Give the pending deployment `share` of the traffic, the live one the rest."""
        with self.changed:
            pending.share, pending.stage = share, "Baking"
            self.serving().share = 1.0 - share

    def set_status(self, status: str, now: datetime, failure_reason: str | None = None) -> None:
        with self.changed:
            self.status, self.modified, self.failure_reason = status, now, failure_reason


class RollbackError(Exception):
    """Why an update is taken back."""


def reason_of(error: Exception) -> str:
    """FailureReason for what ended a deployment; what nobody foresaw is logged as well."""
    if isinstance(error, FleetFailedError | RollbackError):
        return str(error)[:LONGEST_REASON]
    if isinstance(error, AwsError):
        return error.message[:LONGEST_REASON]
    log.error("a deployment failed unexpectedly", exc_info=error)
    return f"Internal failure: {type(error).__name__}: {error}"[:LONGEST_REASON]


class Hosting:
    """Brings endpoints up, moves them to a new config and takes them down; each call runs to the end."""

    def __init__(self, cloud: Cloud, metrics: EndpointMetrics):
        self._cloud = cloud
        self._metrics = metrics

    def create(self, endpoint: Endpoint, deploy: Callable[[], Deployment]) -> None:
        """Start the first deployment; the endpoint ends InService or Failed."""
        try:
            endpoint.pending = pending = deploy()
            pending.start()
        except Exception as error:  # whatever it is, an endpoint must not stay in Creating
            self._give_up(endpoint)
            endpoint.set_status("Failed", self._cloud.now(), reason_of(error))
            return
        with endpoint.changed:
            endpoint.live, endpoint.pending = pending, None
            pending.share = 1.0
            endpoint.set_status("InService", self._cloud.now())

    def update(self, endpoint: Endpoint, deploy: Callable[[], Deployment], rollout: Rollout, role_arn: str) -> None:
        """Move the endpoint to a new deployment, or back to the old one when it fails or an alarm goes off."""
        deadline = time.monotonic() + rollout.timeout_seconds
        try:
            endpoint.pending = pending = deploy()
            pending.start()
            for step in rollout.steps:
                pending.stage = "ActivatingTraffic"
                endpoint.shift(pending, step.share)
                self._watch(rollout, step.bake_seconds, role_arn, deadline)
            self._watch(rollout, rollout.termination_wait_seconds, role_arn, deadline)
        except Exception as error:  # nor in Updating
            endpoint.set_status("RollingBack", self._cloud.now(), reason_of(error))
            self._give_up(endpoint)
            endpoint.set_status("InService", self._cloud.now(), reason_of(error))
            return

        with endpoint.changed:
            old, endpoint.live, endpoint.pending = endpoint.serving(), pending, None
            endpoint.config_name = pending.config_name
        endpoint.drain(old)
        old.stop()
        endpoint.set_status("InService", self._cloud.now())

    def delete(self, endpoint: Endpoint) -> None:
        """Take an endpoint down after its last request."""
        for deployment in (endpoint.live, endpoint.pending):
            if deployment is not None:
                deployment.share = 0.0
                endpoint.drain(deployment)
                deployment.stop()

    def _give_up(self, endpoint: Endpoint) -> None:
        """Take all traffic from the pending deployment and end it."""
        with endpoint.changed:
            failed = endpoint.pending
            if failed is not None:
                failed.share = 0.0
            if endpoint.live is not None:
                endpoint.live.share = 1.0
        if failed is not None:
            endpoint.drain(failed)
            failed.stop()
        endpoint.pending = None

    def _watch(self, rollout: Rollout, seconds: float, role_arn: str, deadline: float) -> None:
        """Wait for `seconds` (as AWS counts them) while no alarm goes off. Raises RollbackError."""
        end = time.monotonic() + self._cloud.scaled(seconds)
        while True:  # the alarms are read once more at the end, and where there is no wait at all
            left = end - time.monotonic()
            if rollout.alarm_names:
                self._check_alarms(rollout.alarm_names, role_arn)
            if left <= 0:
                return
            if time.monotonic() > deadline:
                raise RollbackError(f"The deployment did not end within {rollout.timeout_seconds} seconds.")
            if self._cloud.stopping.wait(min(left, ALARM_POLL_SECONDS)):
                raise RollbackError("The emulator is ending.")

    def _check_alarms(self, names: tuple[str, ...], role_arn: str) -> None:
        client = self._cloud.client("cloudwatch", role_arn=role_arn, session_name="SageMaker")
        try:
            found = client.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        except ClientError as error:
            raise RollbackError(f"The alarms could not be read: {error}") from error
        alarms = {alarm["AlarmName"]: alarm for alarm in found["MetricAlarms"] + found.get("CompositeAlarms", [])}
        if missing := [name for name in names if name not in alarms]:
            raise RollbackError(f"The following alarms do not exist: {missing}.")
        tripped = [name for name, alarm in alarms.items() if self._state(alarm) == "ALARM"]
        if tripped:
            raise RollbackError(
                f"The deployment was rolled back because of the following alarms in state ALARM: {sorted(tripped)}."
            )

    def _state(self, alarm: dict) -> str:
        """An alarm's state: what somebody set by hand, otherwise what the endpoint's own samples say."""
        stored, reason = alarm["StateValue"], alarm.get("StateReason", "")
        by_hand = stored == "ALARM" and not reason.startswith(OUR_REASON)
        if by_hand or not is_ours(alarm):
            return stored
        try:
            verdict = evaluate(alarm, self._metrics.samples, time.time(), self._cloud.time_scale)
        except ValueError as error:
            raise RollbackError(f"The emulator can't evaluate an alarm: {error}") from error
        if verdict.state != stored:
            self._cloud.client("cloudwatch").set_alarm_state(
                AlarmName=alarm["AlarmName"], StateValue=verdict.state, StateReason=verdict.reason
            )
        return verdict.state
