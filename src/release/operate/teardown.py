"""Takes away what the pipeline made and Terraform's platform root does not know: endpoints and model packages.

Run before `terraform destroy` of the platform; both together leave nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from release.aws.failure import StageFailed
from release.aws.s3 import read_json
from release.decision.registry import list_packages
from release.toolchain.terraform import backend_arguments, run_terraform, terraform_settings

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker import SageMakerClient

ENVIRONMENTS = ("prod", "staging")


def teardown(state_bucket: str, group: str, session: boto3.Session, show: Callable[[str], None] = print) -> None:
    """Destroy both endpoints, then delete every package of the group."""
    for environment in ENVIRONMENTS:
        destroy_endpoint(environment, state_bucket, session, show)
    delete_packages(group, session.client("sagemaker"), show)


def destroy_endpoint(environment: str, state_bucket: str, session: boto3.Session, show: Callable[[str], None]) -> None:
    """`terraform destroy` of one environment's endpoint; nothing to do where none was ever released."""
    s3 = session.client("s3")
    prefix = f"s3://{state_bucket}/endpoint/{environment}"
    settings = read_json(f"{prefix}/platform.tfvars.json", s3)
    release = read_json(f"{prefix}/release.tfvars.json", s3)
    if settings is None or release is None:
        show(f"{environment}: no release, nothing to destroy")
        return

    with tempfile.TemporaryDirectory() as work:
        files = {"platform.tfvars.json": settings, "release.tfvars.json": release}
        for name, content in files.items():
            (Path(work) / name).write_text(json.dumps(content))
        environ = terraform_settings(Path(work) / "terraform-data") | {"AWS_REGION": session.region_name}
        backend = backend_arguments(state_bucket, settings["kms_key_arn"], environment, session.region_name)
        initialise = ["init", "-input=false", "-no-color", "-reconfigure", *backend]
        destroy = ["destroy", "-auto-approve", "-input=false", "-no-color"]
        destroy += [f"-var-file={work}/{name}" for name in files]

        for arguments in (initialise, destroy):
            if status := run_terraform(arguments, environ, show).status:
                raise StageFailed(
                    f"terraform {arguments[0]} for {environment} ended with status {status}; its output above says "
                    "why. Fix the cause and run the teardown again: what is gone already is not asked for twice."
                )


def delete_packages(group: str, sagemaker: SageMakerClient, show: Callable[[str], None]) -> None:
    """A model package group can only be destroyed empty."""
    arns = [package["ModelPackageArn"] for package in list_packages(group, sagemaker)]
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    show(f"{group}: {len(arns)} model packages deleted")
