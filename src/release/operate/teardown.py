"""Takes away what the pipeline made and Terraform's platform root does not know: endpoints and model packages.

Run before `terraform destroy` of the platform; both together leave nothing.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from release.aws.failure import StageFailed
from release.aws.s3 import read_json
from release.toolchain.terraform import backend_arguments, run_terraform, terraform_settings

ENVIRONMENTS = ("prod", "staging")


def destroy_endpoint(environment: str, state_bucket: str, session, show: Callable[[str], None]) -> None:
    """`terraform destroy` of one environment's endpoint; nothing to do where none was ever released."""
    s3 = session.client("s3")
    prefix = f"endpoint/{environment}"
    settings = read_json(state_bucket, f"{prefix}/platform.tfvars.json", s3)
    release = read_json(state_bucket, f"{prefix}/release.tfvars.json", s3)
    if settings is None or release is None:
        show(f"{environment}: no release, nothing to destroy")
        return
    with tempfile.TemporaryDirectory() as work:
        files = {"platform.tfvars.json": settings, "release.tfvars.json": release}
        for name, content in files.items():
            (Path(work) / name).write_text(json.dumps(content))
        environ = terraform_settings(Path(work), session.region_name)
        backend = backend_arguments(state_bucket, settings["kms_key_arn"], environment, session.region_name)
        initialise = ["init", "-input=false", "-no-color", "-reconfigure", *backend]
        destroy = ["destroy", "-auto-approve", "-input=false", "-no-color"]
        destroy += [f"-var-file={work}/{name}" for name in files]
        for arguments in (initialise, destroy):
            if status := run_terraform(arguments, environ, show).status:
                raise StageFailed(
                    f"terraform {arguments[0]} for {environment} ended with status {status}; its output above says "
                    "why. Mend that and run the teardown again: what is gone already is not asked for twice."
                )


def delete_packages(group: str, sagemaker, show: Callable[[str], None]) -> None:
    """A model package group can only be destroyed empty."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    arns = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    show(f"{group}: {len(arns)} model packages deleted")


def teardown(state_bucket: str, group: str, session, show: Callable[[str], None] = print) -> None:
    """Destroy both endpoints, then delete every package of the group."""
    for environment in ENVIRONMENTS:
        destroy_endpoint(environment, state_bucket, session, show)
    delete_packages(group, session.client("sagemaker"), show)
