"""The Staging and Prod stages: Terraform applies the release, then the live endpoint proves that it is the one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.training.hyperparameters import Hyperparameters
from release.aws.failure import StageFailed, is_not_found
from release.aws.live import LiveRelease, read_live
from release.aws.s3 import read_json
from release.aws.waiting import REAL_TIME, Clock, spoken_seconds
from release.decision import registry
from release.stages import smoke
from release.stages.release_plan import Package, ReleasePlan, config_name, mismatch, overtaken, plan_release, serves
from release.stages.run import Deployment
from release.toolchain.terraform import TerraformRun, backend_arguments, run_terraform, terraform_settings

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker import SageMakerClient

ENDPOINT_ADDRESS = "aws_sagemaker_endpoint.this"
PLATFORM_FILE = "platform.tfvars.json"
RELEASE_FILE = "release.tfvars.json"
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
# The longest update (terraform/endpoint: two waits of an hour, 45 minutes) less the hour that Terraform waited already
SETTLE_LIMIT_SECONDS = 7200
POLL_SECONDS = 5.0


class ReleaseFailed(StageFailed):
    """What is live is not what was wanted; the message says what is live, why, and what to do."""


def deploy(deployment: Deployment) -> dict[str, str]:
    """Make a package live in an environment and prove it; returns the variables to export.

    ReleaseFailed when something else is live in the end, or went live in prod since the package was evaluated,
    ValueError when the package must not be deployed.
    """
    package = find_package(deployment.package_arn, deployment.sagemaker)
    settings = read_settings(deployment)
    recorded = recorded_releases(deployment)
    # A build before this one may have been cut off in the middle of an update
    before = wait_until_settled(deployment.endpoint_name, deployment.sagemaker, deployment.show)
    if deployment.environment == "prod":
        enter_prod(deployment, package, before)

    plan = plan_release(package, before, recorded, deployment.endpoint_name, settings)
    applied = make_live(deployment, plan, before)
    config = config_name(deployment.endpoint_name, plan.live_release)
    deployment.show(f"{deployment.environment}: {config} is in service")

    smoke.check(
        deployment.endpoint_name,
        package,
        deployment.session,
        thorough=deployment.environment == "staging",
        show=deployment.show,
    )
    return {
        "ENDPOINT_NAME": deployment.endpoint_name,
        "ENDPOINT_CONFIG_NAME": config,
        "LIVE_MODEL_PACKAGE_ARN": deployment.package_arn,
        "TERRAFORM_APPLY_SECONDS": f"{applied.seconds:.1f}",
    }


def find_package(package_arn: str, sagemaker: SageMakerClient) -> Package:
    """The package as the registry describes it; ValueError for one that must not be deployed."""
    try:
        package = registry.describe(package_arn, sagemaker)
    except ClientError as error:
        if is_not_found(error):
            raise ValueError(f"model package {package_arn} does not exist; deploy what Evaluate registered") from None
        raise

    status = package.get("ModelApprovalStatus")
    if status == "Rejected":
        raise ValueError(
            f"model package {package_arn} is Rejected: {package.get('ModelPackageDescription', 'no reason given')}; "
            "train a better model, or change the gate in moderation.yaml with a reviewed commit"
        )
    max_length = registry.properties(package).get("hp_max-length", "")
    return Package(
        package_arn,
        registry.image_uri(package),
        registry.model_data_uri(package),
        approved=status == "Approved",
        max_length=int(max_length) if max_length.isdecimal() else Hyperparameters.max_length,
    )


def read_settings(deployment: Deployment) -> dict[str, Any]:
    """platform.tfvars.json of the environment. Raises ValueError where the platform has not written it."""
    uri = f"s3://{deployment.platform.state_bucket}/{deployment.state_key}{PLATFORM_FILE}"
    settings = read_json(uri, deployment.s3)
    if settings is None:
        raise ValueError(f"{uri} is missing; terraform apply of the platform writes it")
    return settings


def recorded_releases(deployment: Deployment) -> Mapping[str, Any]:
    """Releases of the last release.tfvars.json, by key; empty before the first one."""
    uri = f"s3://{deployment.platform.state_bucket}/{deployment.state_key}{RELEASE_FILE}"
    return (read_json(uri, deployment.s3) or {}).get("releases", {})


def enter_prod(deployment: Deployment, package: Package, live: LiveRelease | None) -> None:
    """Write the approval into the registry; ReleaseFailed where another release went live since the evaluation."""
    champion = deployment.champion_arn
    if champion and (problem := overtaken(package, champion, live)):
        raise ReleaseFailed(problem)
    approve_package(package.arn, deployment.execution_id, deployment.sagemaker)


def approve_package(package_arn: str, execution_id: str, sagemaker: SageMakerClient) -> None:
    """Write the pipeline's approval, which came before this stage, into the registry."""
    sagemaker.update_model_package(
        ModelPackageArn=package_arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription=f"Approved in pipeline execution {execution_id or 'unknown'}.",
    )


def make_live(deployment: Deployment, plan: ReleasePlan, before: LiveRelease | None) -> TerraformRun:
    """Apply a plan until the endpoint runs what it wants; ReleaseFailed where that does not come about."""
    name, show, environment = deployment.endpoint_name, deployment.show, deployment.environment
    config = config_name(name, plan.live_release)
    live_now = before.config_name if before else "nothing"
    show(f"{environment}: {live_now} is live, {config} is wanted ({deployment.package_arn})")

    applied = apply_release(deployment, plan)
    live = wait_until_settled(name, deployment.sagemaker, show)
    is_update = before is not None and not plan.replaces_endpoint
    if applied.status != 0 and is_update and serves(live, config):
        # The provider gives up after an hour, which an update with long waits outlasts: what Terraform would have done
        # after it is still to do. An endpoint whose creation it gave up would be deleted by that, so only an update.
        show(f"{environment}: {config} is in service, terraform applies what it had not come to")
        again = apply_release(deployment, plan)
        applied = replace(again, seconds=applied.seconds + again.seconds)

    alarms = ringing_alarms(name, deployment.session) if live else []
    if problem := mismatch(live, config, applied, name, alarms):
        raise ReleaseFailed(problem)
    return applied


def apply_release(deployment: Deployment, plan: ReleasePlan) -> TerraformRun:
    """Write release.tfvars.json, keep it in S3, apply it with platform.tfvars.json; ReleaseFailed if init fails."""
    with tempfile.TemporaryDirectory() as work:
        files = write_variables(deployment, plan, Path(work))
        environ = terraform_settings(Path(work) / "terraform-data") | {"AWS_REGION": deployment.session.region_name}
        initialise(deployment, environ)
        arguments = ["apply", "-auto-approve", "-input=false", "-no-color", "-lock-timeout=60s"]
        arguments += [f"-var-file={file}" for file in files]
        arguments += [f"-replace={ENDPOINT_ADDRESS}"] if plan.replaces_endpoint else []
        return run_terraform(arguments, environ, deployment.show)


def write_variables(deployment: Deployment, plan: ReleasePlan, work: Path) -> tuple[Path, Path]:
    """Both halves of terraform/endpoint's variables as files in `work`; the build's half is kept in S3."""
    platform_file, release_file = work / PLATFORM_FILE, work / RELEASE_FILE
    bucket, prefix = deployment.platform.state_bucket, deployment.state_key
    deployment.s3.download_file(bucket, prefix + PLATFORM_FILE, str(platform_file))
    release_file.write_text(
        json.dumps({"releases": plan.releases, "live_release": plan.live_release}, indent=2), encoding="utf-8"
    )
    # Before the apply: should it be cut off, the record still says what state was asked for
    deployment.s3.upload_file(str(release_file), bucket, prefix + RELEASE_FILE)
    return platform_file, release_file


def initialise(deployment: Deployment, environ: Mapping[str, str]) -> None:
    """`terraform init` with the environment's own state; ReleaseFailed where it fails."""
    platform, environment = deployment.platform, deployment.environment
    backend = backend_arguments(
        platform.state_bucket, platform.kms_key_arn, environment, deployment.session.region_name
    )
    init = run_terraform(["init", "-input=false", "-no-color", "-reconfigure", *backend], environ, deployment.show)
    if init.status != 0:
        lines = [
            f"terraform init for {environment} ended with status {init.status}",
            *init.errors,
            "what to do: see that the state bucket and the provider can be reached, then retry the stage",
        ]
        raise ReleaseFailed("\n  ".join(lines))


def wait_until_settled(
    endpoint_name: str, sagemaker: SageMakerClient, show: Callable[[str], None], clock: Clock = REAL_TIME
) -> LiveRelease | None:
    """The endpoint once it neither is created nor updated nor rolled back any more; None where it does not exist."""
    begun = clock.now()
    while True:
        live = read_live(endpoint_name, sagemaker)
        if live is None or live.status in SETTLED:
            return live
        if clock.now() - begun > SETTLE_LIMIT_SECONDS:
            raise ReleaseFailed(
                f"endpoint {endpoint_name} is still {live.status} after {spoken_seconds(SETTLE_LIMIT_SECONDS)}; "
                "look at it in the SageMaker console, then retry the stage"
            )
        show(f"  endpoint {endpoint_name}: {live.status}, {spoken_seconds(clock.now() - begun)}")
        clock.sleep(POLL_SECONDS)


def ringing_alarms(endpoint_name: str, session: boto3.Session) -> list[str]:
    """`name: reason` of the rollback alarms that are in ALARM now."""
    endpoint = session.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)
    rollback = endpoint.get("LastDeploymentConfig", {}).get("AutoRollbackConfiguration", {})
    names = [alarm["AlarmName"] for alarm in rollback.get("Alarms", [])]
    if not names:
        return []
    alarms = session.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return [
        f"{alarm['AlarmName']}: {alarm.get('StateReason', '')}" for alarm in alarms if alarm["StateValue"] == "ALARM"
    ]
