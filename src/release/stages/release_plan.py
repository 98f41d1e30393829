"""Decides what a release changes, and whether it went live: pure functions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.training.hyperparameters import Hyperparameters
from release.aws.live import LiveRelease
from release.aws.naming import MAX_CHARACTERS, fingerprint
from release.toolchain.terraform import TerraformRun

# What of platform.tfvars.json is written into an endpoint config: it can't be changed in place
CONFIG_SETTINGS = ("instance_type", "kms_key_arn")


@dataclass(frozen=True)
class Package:
    """A model package as it is deployed."""

    arn: str
    image_uri: str
    model_data_uri: str
    """s3:// of its archive."""
    approved: bool = False
    """Whether the Prod stage has had it before: it alone writes `Approved` into the registry."""
    max_length: int = Hyperparameters.max_length
    """Tokens that its model reads of a text."""


@dataclass(frozen=True)
class ReleasePlan:
    """The two variables that `deploy` gives to terraform/endpoint, and whether the endpoint is made anew."""

    releases: Mapping[str, Mapping[str, Any]]
    """Release key to what `release_entry` makes of it: the wanted one and the one it replaces."""
    live_release: str
    """The wanted one's key."""
    replaces_endpoint: bool = False
    """True where the endpoint has failed: SageMaker takes no update of it, only its deletion."""


def plan_release(
    package: Package,
    live: LiveRelease | None,
    recorded: Mapping[str, Any],
    endpoint_name: str,
    settings: Mapping[str, Any],
) -> ReleasePlan:
    """Decide what Terraform should hold: the wanted release and the one that is live now.

    live: what the endpoint runs now, None on the first run. recorded: releases of the last release.tfvars.json, by key.
    settings: platform.tfvars.json. The wanted release starts with as many instances as are running now, so that an
    update never shrinks a fleet that was scaled out. What serves now stays in state as it is: should SageMaker roll
    back, it rolls back to a config that still exists.
    """
    lowest, highest = int(settings["min_instances"]), int(settings["max_instances"])
    count = lowest if live is None else max(lowest, min(highest, live.running_instance_count))
    key = release_key(package.arn, count, settings)
    if live is None:
        return ReleasePlan({key: release_entry(package, count)}, key)

    replaces = live.status == "Failed"
    unchanged = release_key(package.arn, live.configured_instance_count, settings)
    if live.config_name == config_name(endpoint_name, unchanged):
        # It is live already: nothing to update, whatever the fleet was scaled to
        kept = {each: dict(entry) for each, entry in recorded.items()} if unchanged in recorded else {}
        return ReleasePlan({**kept, unchanged: serving_entry(live)}, unchanged, replaces)

    releases = {key: release_entry(package, count)}
    prefix = config_name(endpoint_name, "")
    if live.config_name.startswith(prefix) and live.package_arn:
        releases[live.config_name.removeprefix(prefix)] = serving_entry(live)
    return ReleasePlan(releases, key, replaces)


def release_key(package_arn: str, instance_count: int, settings: Mapping[str, Any]) -> str:
    """`v7-1a2b3c4d`: the package's version, and a hash of all that makes the endpoint config differ."""
    version = package_arn.rsplit("/", 1)[-1]
    digest = fingerprint(package_arn, instance_count, {key: settings.get(key) for key in CONFIG_SETTINGS})
    return f"v{re.sub('[^a-zA-Z0-9]', '', version)[:12]}-{digest[:8]}"


def config_name(endpoint_name: str, key: str) -> str:
    """The endpoint config (and model) that terraform/endpoint names after a release key."""
    name = f"{endpoint_name}-{key}"
    if len(name) > MAX_CHARACTERS:
        raise ValueError(f"{name!r} has {len(name)} characters, SageMaker takes {MAX_CHARACTERS}; shorten project_name")
    return name


def release_entry(package: Package, instance_count: int) -> dict[str, Any]:
    """One of terraform/endpoint's `releases`."""
    return {
        "model_package_arn": package.arn,
        "image_uri": package.image_uri,
        "model_data_uri": package.model_data_uri,
        "instance_count": instance_count,
    }


def serving_entry(live: LiveRelease) -> dict[str, Any]:
    """The release that serves now, as its model has it, not as the registry describes it: a model can't be changed."""
    package = Package(live.package_arn, live.image_uri, live.model_data_uri)
    return release_entry(package, live.configured_instance_count)


def serves(live: LiveRelease | None, config: str) -> bool:
    """True when an endpoint config is in service."""
    return live is not None and live.status == "InService" and live.config_name == config


def mismatch(
    live: LiveRelease | None, wanted_config: str, terraform: TerraformRun, endpoint_name: str, alarms: Sequence[str]
) -> str | None:
    """Why the release is not live, and what to do; None when the wanted config is in service. A pure function."""
    outcome = (
        "terraform reported success" if terraform.status == 0 else f"terraform ended with status {terraform.status}"
    )
    fix_terraform = "what to do: fix what terraform names, then retry the stage"
    if serves(live, wanted_config):
        if terraform.status == 0:
            return None
        first = f"endpoint {endpoint_name} runs {wanted_config}, but {outcome}: autoscaling or alarms may be missing"
        return "\n  ".join([first, *terraform.errors, fix_terraform])
    if live is None:
        first = f"endpoint {endpoint_name} does not exist, {outcome}"
        return "\n  ".join([first, *terraform.errors, fix_terraform])

    lines = [f"endpoint {endpoint_name} is {live.status} and runs {live.config_name}, not {wanted_config}; {outcome}"]
    if live.status == "InService":
        lines.append("SageMaker rolled the update back: the release before it serves")
    lines += [f"terraform: {line}" for line in terraform.errors]
    lines.append(f"reason: {live.failure_reason or 'none given'}")
    lines += [f"alarm {alarm}" for alarm in alarms] or ["no rollback alarm is in ALARM now"]
    if live.status == "Failed":
        lines.append("what to do: see the endpoint's log, fix the cause, retry the stage: the endpoint is made anew")
    else:
        lines.append(
            "what to do: see the endpoint's log and alarms; retry the stage if the cause has passed, otherwise push "
            "a fix: the next release replaces this one"
        )
    lines.append(f"log: /aws/sagemaker/Endpoints/{endpoint_name}")
    return "\n  ".join(lines)


def overtaken(package: Package, champion_arn: str, live: LiveRelease | None) -> str | None:
    """Why the numbers that a package was approved by do not count any more, and what to do; None while they do.

    champion_arn: what served prod when the package was evaluated, `none` where nothing did. live: what the endpoint
    runs now. What the Prod stage has had before is retried or goes back to where it was: `Roll back` in the console
    hands over the champion of that day. A pure function.
    """
    serving = live.serving_package_arn if live else None
    if package.approved or serving in (None, champion_arn, package.arn):
        return None

    return "\n  ".join(
        [
            f"prod serves {serving}, but {package.arn} was evaluated against "
            + ("an empty prod" if champion_arn == "none" else champion_arn),
            "another release went live in between: gate and approval speak of a model that is not live any more; "
            "nothing was changed",
            "what to do: release the change again from the newest commit (push, or `Release change` in the console): "
            "it is then evaluated against what is live now, and nothing is trained twice",
        ]
    )
