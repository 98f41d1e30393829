"""The Staging and Prod stages: Terraform applies the release, then the live endpoint proves that it is the one."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import ClientError

from release.aws.failure import StageFailed, is_not_found
from release.aws.jobs import spoken_seconds
from release.aws.live import LiveRelease, read_live
from release.aws.platform import Platform
from release.aws.s3 import read_json
from release.decision import registry
from release.stages import smoke
from release.stages.release_plan import Package, ReleasePlan, config_name, mismatch, overtaken, plan_release, serves
from release.toolchain.terraform import TerraformRun, backend_arguments, run_terraform, terraform_settings

ENDPOINT_ADDRESS = "aws_sagemaker_endpoint.this"
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
# The longest update (terraform/endpoint: two waits of an hour, 45 minutes) less the hour that Terraform waited already
SETTLE_LIMIT_SECONDS = 7200
POLL_SECONDS = 5.0


class ReleaseFailed(StageFailed):
    """What is live is not what was wanted; the message says what is live, why, and what to do."""


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
