"""The Staging and Prod stages: Terraform applies the release, then the live endpoint proves that it is the one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from release import registry, smoke
from release.config import Platform
from release.failure import StageFailed
from release.jobs import is_not_found, read_json, spoken_seconds
from release.live import LiveRelease, read_live
from release.naming import MAX_CHARACTERS, fingerprint

TERRAFORM_ROOT = Path("terraform/endpoint")
ENDPOINT_ADDRESS = "aws_sagemaker_endpoint.this"
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
# The longest update (terraform/endpoint: two waits of an hour, 45 minutes) less the hour that Terraform waited already
SETTLE_LIMIT_SECONDS = 7200
POLL_SECONDS = 5.0
ERROR_LINES = 8
# What of platform.tfvars.json is written into an endpoint config: it can't be changed in place
CONFIG_SETTINGS = ("instance_type", "kms_key_arn")


@dataclass(frozen=True)
class TerraformRun:
    """How a terraform command ended."""

    status: int
    """Its exit status; 0 is success."""
    errors: tuple[str, ...] = ()
    """The first lines of each error it printed."""
    seconds: float = field(default=0.0, compare=False)


class ReleaseFailed(StageFailed):
    """What is live is not what was wanted; the message says what is live, why, and what to do."""


@dataclass(frozen=True)
class Package:
    """A model package as it is deployed."""

    arn: str
    image_uri: str
    model_data_uri: str
    """s3:// of its archive."""
    approved: bool = False
    """Whether the Prod stage has had it before: it alone writes `Approved` into the registry."""


@dataclass(frozen=True)
class ReleasePlan:
    """The two variables that `deploy` gives to terraform/endpoint, and whether the endpoint is made anew."""

    releases: Mapping[str, Mapping[str, Any]]
    """Release key to what `release_entry` makes of it: the wanted one and the one it replaces."""
    live_release: str
    """The wanted one's key."""
    replaces_endpoint: bool = False
    """True where the endpoint has failed: SageMaker takes no update of it, only its deletion."""


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
    replaces = live is not None and live.status == "Failed"
    lowest, highest = int(settings["min_instances"]), int(settings["max_instances"])
    count = lowest if live is None else max(lowest, min(highest, live.running_instance_count))
    if live is None:
        wanted = release_key(package.arn, count, settings)
        return ReleasePlan({wanted: release_entry(package, count)}, wanted)
    # As the live model has it, not as the registry describes it: a model can't be changed either
    serving = release_entry(
        Package(live.package_arn, live.image_uri, live.model_data_uri), live.configured_instance_count
    )
    unchanged = release_key(package.arn, live.configured_instance_count, settings)
    if live.config_name == config_name(endpoint_name, unchanged):
        # It is live already: nothing to update, whatever the fleet was scaled to
        kept = (
            {key: dict(value) for key, value in recorded.items() if key != unchanged} if unchanged in recorded else {}
        )
        return ReleasePlan({**kept, unchanged: serving}, unchanged, replaces)
    wanted = release_key(package.arn, count, settings)
    releases = {wanted: release_entry(package, count)}
    prefix = config_name(endpoint_name, "")
    if live.config_name.startswith(prefix) and live.package_arn:
        releases[live.config_name.removeprefix(prefix)] = serving
    return ReleasePlan(releases, wanted, replaces)


def find_package(package_arn: str, sagemaker) -> Package:
    """The package as the registry describes it; ValueError for one that must not be deployed."""
    try:
        package = registry.describe(package_arn, sagemaker)
    except ClientError as error:
        if is_not_found(error):
            raise ValueError(f"model package {package_arn} does not exist; deploy what Evaluate registered") from None
        raise
    if package.get("ModelApprovalStatus") == "Rejected":
        raise ValueError(
            f"model package {package_arn} is Rejected: {package.get('ModelPackageDescription', 'no reason given')}; "
            "train a better model, or change the gate in moderation.yaml with a reviewed commit"
        )
    return Package(
        package_arn,
        registry.image_uri(package),
        registry.model_data_uri(package),
        approved=package.get("ModelApprovalStatus") == "Approved",
    )


def approve_package(package_arn: str, execution_id: str, sagemaker) -> None:
    """Write the pipeline's approval, which came before this stage, into the registry."""
    sagemaker.update_model_package(
        ModelPackageArn=package_arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription=f"Approved in pipeline execution {execution_id or 'unknown'}.",
    )


def backend_arguments(state_bucket: str, kms_key_arn: str, environment: str, region: str) -> list[str]:
    """`terraform init` arguments of the partial S3 backend."""
    settings = {
        "bucket": state_bucket,
        "key": f"endpoint/{environment}/terraform.tfstate",
        "region": region,
        "use_lockfile": "true",
        "encrypt": "true",
        "kms_key_id": kms_key_arn,
    }
    return [f"-backend-config={key}={value}" for key, value in settings.items()]


def terraform_settings(work: Path, region: str) -> dict[str, str]:
    """The environment of terraform commands that share the directory `work`."""
    return {
        **os.environ,
        # Beside the checkout, not in it: staging and prod of one checkout have a backend each
        "TF_DATA_DIR": str(work / "terraform-data"),
        "TF_IN_AUTOMATION": "1",
        "AWS_REGION": region,
    }


def run_terraform(arguments: Sequence[str], environ: Mapping[str, str], show: Callable[[str], None]) -> TerraformRun:
    """Run terraform in its root with its output shown line by line."""
    binary = shutil.which("terraform")
    if binary is None:
        raise ValueError("terraform is not on PATH; install Terraform 1.11 or newer, as the deploy buildspec does")
    show(f"$ terraform {arguments[0]}")
    begun = time.monotonic()
    process = subprocess.Popen(
        [binary, f"-chdir={TERRAFORM_ROOT}", *arguments],
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line.rstrip())
            show(f"  {lines[-1]}")
    return TerraformRun(process.returncode, error_lines(lines), time.monotonic() - begun)


def error_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """From terraform's output the beginning of each error, at most ERROR_LINES of it; no empty lines."""
    found: list[str] = []
    begin = None
    for index, line in enumerate(lines):
        if line.startswith("Error: "):
            begin = index
        if begin is not None and index - begin < ERROR_LINES and line.strip():
            found.append(line.strip())
    return tuple(found)


def apply_release(
    plan: ReleasePlan, platform: Platform, environment: str, session, show: Callable[[str], None]
) -> TerraformRun:
    """Write release.tfvars.json, keep it in S3, apply it with platform.tfvars.json; ReleaseFailed if init fails."""
    s3 = session.client("s3")
    prefix = f"endpoint/{environment}/"
    with tempfile.TemporaryDirectory() as work:
        platform_file, release_file = Path(work) / "platform.tfvars.json", Path(work) / "release.tfvars.json"
        s3.download_file(platform.state_bucket, prefix + platform_file.name, str(platform_file))
        release_file.write_text(
            json.dumps({"releases": plan.releases, "live_release": plan.live_release}, indent=2), encoding="utf-8"
        )
        # Before the apply: should it be cut off, the record still says what state was asked for
        s3.upload_file(str(release_file), platform.state_bucket, prefix + release_file.name)
        environ = terraform_settings(Path(work), session.region_name)
        backend = backend_arguments(platform.state_bucket, platform.kms_key_arn, environment, session.region_name)
        init = run_terraform(["init", "-input=false", "-no-color", "-reconfigure", *backend], environ, show)
        if init.status != 0:
            told = [
                f"terraform init for {environment} ended with status {init.status}",
                *init.errors,
                "what to do: see that the state bucket and the provider can be reached, then retry the stage",
            ]
            raise ReleaseFailed("\n  ".join(told))
        return run_terraform(
            [
                "apply",
                "-auto-approve",
                "-input=false",
                "-no-color",
                "-lock-timeout=60s",
                f"-var-file={platform_file}",
                f"-var-file={release_file}",
                *([f"-replace={ENDPOINT_ADDRESS}"] if plan.replaces_endpoint else []),
            ],
            environ,
            show,
        )


def wait_until_settled(
    endpoint_name: str,
    sagemaker,
    show: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> LiveRelease | None:
    """The endpoint once it neither is created nor updated nor rolled back any more; None where it does not exist."""
    begun = clock()
    while True:
        live = read_live(endpoint_name, sagemaker)
        if live is None or live.status in SETTLED:
            return live
        if clock() - begun > SETTLE_LIMIT_SECONDS:
            raise ReleaseFailed(
                f"endpoint {endpoint_name} is still {live.status} after {spoken_seconds(SETTLE_LIMIT_SECONDS)}; "
                "look at it in the SageMaker console, then retry the stage"
            )
        show(f"  endpoint {endpoint_name}: {live.status}, {spoken_seconds(clock() - begun)}")
        sleep(POLL_SECONDS)


def ringing_alarms(endpoint_name: str, session) -> list[str]:
    """`name: reason` of the rollback alarms that are in ALARM now."""
    endpoint = session.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)
    rollback = (endpoint.get("LastDeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    names = [alarm["AlarmName"] for alarm in rollback.get("Alarms", [])]
    if not names:
        return []
    found = session.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return [
        f"{alarm['AlarmName']}: {alarm.get('StateReason', '')}" for alarm in found if alarm["StateValue"] == "ALARM"
    ]


def serves(live: LiveRelease | None, wanted_config: str) -> bool:
    """True when the wanted config is in service."""
    return live is not None and live.status == "InService" and live.config_name == wanted_config


def mismatch(
    live: LiveRelease | None, wanted_config: str, terraform: TerraformRun, endpoint_name: str, alarms: Sequence[str]
) -> str | None:
    """Why the release is not live, and what to do; None when the wanted config is in service. A pure function."""
    if serves(live, wanted_config):
        if terraform.status == 0:
            return None
        told = [
            f"endpoint {endpoint_name} runs {wanted_config}, but terraform ended with status {terraform.status}: "
            "autoscaling or alarms may be missing",
            *terraform.errors,
            "what to do: fix what terraform names, then retry the stage",
        ]
        return "\n  ".join(told)
    said = "terraform reported success" if terraform.status == 0 else f"terraform ended with status {terraform.status}"
    if live is None:
        told = [
            f"endpoint {endpoint_name} does not exist, {said}",
            *terraform.errors,
            "what to do: fix what terraform names, then retry the stage",
        ]
        return "\n  ".join(told)
    lines = [f"endpoint {endpoint_name} is {live.status} and runs {live.config_name}, not {wanted_config}; {said}"]
    if live.status == "InService":
        lines.append("  SageMaker rolled the update back: the release before it serves")
    lines += [f"  terraform: {line}" for line in terraform.errors]
    lines.append(f"  reason: {live.failure_reason or 'none given'}")
    lines += [f"  alarm {alarm}" for alarm in alarms] or ["  no rollback alarm is in ALARM now"]
    if live.status == "Failed":
        lines.append("  what to do: see the endpoint's log, fix the cause, retry the stage: the endpoint is made anew")
    else:
        lines.append(
            "  what to do: see the endpoint's log and alarms; retry the stage if the cause has passed, otherwise push "
            "a fix: the next release replaces this one"
        )
    lines.append(f"  log: /aws/sagemaker/Endpoints/{endpoint_name}")
    return "\n".join(lines)


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
            f"prod serves {serving}, but {package.arn} was judged against "
            + ("an empty prod" if champion_arn == "none" else champion_arn),
            "another release went live in between: gate and approval speak of a model that is not live any more; "
            "nothing was changed",
            "what to do: release the change again from the newest commit (push, or `Release change` in the console): "
            "it is then judged against what is live now, and nothing is trained twice",
        ]
    )


def deploy(
    platform: Platform,
    environment: str,
    package_arn: str,
    execution_id: str,
    session,
    show: Callable[[str], None] = print,
    champion_arn: str | None = None,
) -> dict[str, str]:
    """Make a package live in an environment and prove it; returns the variables to export.

    champion_arn: the package that prod served when this one was evaluated, `none` where there was none; None where
    nobody evaluated it for this release, as in a roll-back by hand.
    ReleaseFailed when something else is live in the end, or went live in prod since then, ValueError when the package
    must not be deployed.
    """
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    endpoint_name = platform.endpoint_name(environment)
    package = find_package(package_arn, sagemaker)
    settings = read_json(platform.state_bucket, f"endpoint/{environment}/platform.tfvars.json", s3)
    if settings is None:
        raise ValueError(
            f"s3://{platform.state_bucket}/endpoint/{environment}/platform.tfvars.json is missing; terraform apply of "
            "the platform writes it"
        )
    recorded = read_json(platform.state_bucket, f"endpoint/{environment}/release.tfvars.json", s3) or {}
    # A build before this one may have been cut off in the middle of an update
    live = wait_until_settled(endpoint_name, sagemaker, show)
    if environment == "prod":
        if champion_arn and (problem := overtaken(package, champion_arn, live)):
            raise ReleaseFailed(problem)
        approve_package(package_arn, execution_id, sagemaker)
    plan = plan_release(package, live, recorded.get("releases", {}), endpoint_name, settings)
    wanted = config_name(endpoint_name, plan.live_release)
    show(f"{environment}: {live.config_name if live else 'nothing'} is live, {wanted} is wanted ({package_arn})")
    is_update = live is not None and not plan.replaces_endpoint
    applied = apply_release(plan, platform, environment, session, show)
    live = wait_until_settled(endpoint_name, sagemaker, show)
    if applied.status != 0 and is_update and serves(live, wanted):
        # The provider gives up after an hour, which an update with long waits outlasts: what Terraform would have done
        # after it is still to do. An endpoint whose creation it gave up would be deleted by that, so only an update.
        show(f"{environment}: {wanted} is in service, terraform applies what it had not come to")
        again = apply_release(plan, platform, environment, session, show)
        applied = replace(again, seconds=applied.seconds + again.seconds)
    alarms = ringing_alarms(endpoint_name, session) if live else []
    problem = mismatch(live, wanted, applied, endpoint_name, alarms)
    if problem:
        raise ReleaseFailed(problem)
    show(f"{environment}: {wanted} is in service")
    smoke.check(endpoint_name, package_arn, session, thorough=environment == "staging", show=show)
    return {
        "ENDPOINT_NAME": endpoint_name,
        "ENDPOINT_CONFIG_NAME": wanted,
        "LIVE_MODEL_PACKAGE_ARN": package_arn,
        "TERRAFORM_APPLY_SECONDS": f"{applied.seconds:.1f}",
    }
