"""Takes away what the pipeline made and Terraform's platform root does not know: endpoints and model packages.

Run before `terraform destroy` of the platform; both together leave nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import boto3

from release.deployment import run_terraform
from release.failure import StageFailed
from release.jobs import read_json

ENVIRONMENTS = ("prod", "staging")


def destroy_endpoint(environment: str, state_bucket: str, session: boto3.Session, show: Callable[[str], None]) -> None:
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
        environment_variables = {
            **os.environ,
            "TF_DATA_DIR": str(Path(work) / "terraform-data"),
            "TF_IN_AUTOMATION": "1",
            "AWS_REGION": session.region_name,
        }
        backend = {
            "bucket": state_bucket,
            "key": f"{prefix}/terraform.tfstate",
            "region": session.region_name,
            "use_lockfile": "true",
            "encrypt": "true",
            "kms_key_id": settings["kms_key_arn"],
        }
        initialise = ["init", "-input=false", "-no-color", "-reconfigure"]
        initialise += [f"-backend-config={key}={value}" for key, value in backend.items()]
        destroy = ["destroy", "-auto-approve", "-input=false", "-no-color"]
        destroy += [f"-var-file={work}/{name}" for name in files]
        for arguments in (initialise, destroy):
            if status := run_terraform(arguments, environment_variables, show).status:
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


def teardown(state_bucket: str, group: str, session: boto3.Session, show: Callable[[str], None] = print) -> None:
    for environment in ENVIRONMENTS:
        destroy_endpoint(environment, state_bucket, session, show)
    delete_packages(group, session.client("sagemaker"), show)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m release teardown", description=__doc__)
    parser.add_argument("--state-bucket", required=True, help="terraform output state_bucket")
    parser.add_argument("--model-package-group", required=True, help="terraform output model_package_group_name")
    arguments = parser.parse_args(argv)
    try:
        teardown(arguments.state_bucket, arguments.model_package_group, boto3.Session())
    except StageFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
