"""How an endpoint update moves traffic from the old fleet to the new one: from a deployment config to plain steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emulator.core.errors import AwsError

LARGEST_FIRST_SHARE = 0.5  # of a canary or a linear step
DEFAULT_TIMEOUT_SECONDS = 28_800


@dataclass(frozen=True)
class Step:
    """Give the new fleet this share of the traffic, then watch the alarms for a while."""

    share: float  # in (0, 1]
    bake_seconds: float  # as AWS counts, before the time scale


@dataclass(frozen=True)
class Rollout:
    """One update, decided."""

    steps: tuple[Step, ...]  # the last has share 1
    termination_wait_seconds: float  # between the last step and the end of the old fleet
    alarm_names: tuple[str, ...]
    timeout_seconds: float


def plan(deployment_config: dict | None, instance_count: int) -> Rollout:
    """The rollout that a DeploymentConfig asks for; without one, all traffic moves at once.

    `instance_count` is that of the variant, for sizes given as a number of instances.
    Raises AwsError (ValidationException) for sizes that AWS does not accept.
    """
    config = deployment_config or {}
    policies = config.keys() & {"BlueGreenUpdatePolicy", "RollingUpdatePolicy"}
    if len(policies) > 1:
        raise AwsError(
            "ValidationException", "Found BlueGreenUpdatePolicy and RollingUpdatePolicy; expected at most one of them."
        )
    alarms = tuple(alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    if "RollingUpdatePolicy" in config:
        policy = config["RollingUpdatePolicy"]
        size = share_of(policy["MaximumBatchSize"], instance_count, "MaximumBatchSize")
        steps, termination_wait = linear_steps(size, policy["WaitIntervalInSeconds"]), 0
    else:
        policy = config.get("BlueGreenUpdatePolicy", {})
        steps = blue_green_steps(policy.get("TrafficRoutingConfiguration"), instance_count)
        termination_wait = policy.get("TerminationWaitInSeconds", 0)
    timeout = policy.get("MaximumExecutionTimeoutInSeconds", DEFAULT_TIMEOUT_SECONDS)
    return Rollout(steps, termination_wait, alarms, timeout)


def blue_green_steps(routing: dict | None, instance_count: int) -> tuple[Step, ...]:
    """The steps of a TrafficRoutingConfiguration (None: all at once, without baking)."""
    if routing is None:
        return (Step(1.0, 0),)
    wait = routing["WaitIntervalInSeconds"]
    if routing["Type"] == "ALL_AT_ONCE":
        return (Step(1.0, wait),)
    member = "CanarySize" if routing["Type"] == "CANARY" else "LinearStepSize"
    if member not in routing:
        raise AwsError("ValidationException", f"{member} is required for traffic routing type {routing['Type']}.")
    share = share_of(routing[member], instance_count, member)
    if member == "CanarySize":
        return (Step(share, wait), Step(1.0, wait))
    return linear_steps(share, wait)


def linear_steps(share: float, wait_seconds: float) -> tuple[Step, ...]:
    """Equal steps of `share` up to 1, each followed by a wait."""
    count = math.ceil(1 / share - 1e-9)
    return tuple(Step(min(1.0, share * number), wait_seconds) for number in range(1, count + 1))


def share_of(size: dict, instance_count: int, member: str) -> float:
    """A CapacitySize as a share of the fleet in (0, 0.5]; a fleet of one instance takes its only instance's half."""
    share = size["Value"] / 100 if size["Type"] == "CAPACITY_PERCENT" else size["Value"] / max(1, instance_count)
    if share > LARGEST_FIRST_SHARE and not (size["Type"] == "INSTANCE_COUNT" and size["Value"] == 1):
        raise AwsError(
            "ValidationException",
            f"{member} is {share:.0%} of the variant's {instance_count} instances; expected at most 50%.",
        )
    return min(share, LARGEST_FIRST_SHARE)
