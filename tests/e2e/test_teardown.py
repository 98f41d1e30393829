"""After all that the pipeline did: no role lacked a permission, Terraform agrees with what is live, and can take all of
it away again.
"""

import subprocess

import pytest

from laptop.machine import REGION
from laptop.platform import destroy_endpoints, destroy_platform, terraform, variable_arguments

pytestmark = pytest.mark.timeout(400)


def test_every_role_was_allowed_what_it_did(platform):
    # The emulator lets a call through that IAM would refuse, and writes it down: on AWS it would have failed
    assert platform.denials() == []


def test_a_second_plan_of_the_platform_is_empty(platform):
    done = terraform(
        platform.laptop,
        "plan",
        "-input=false",
        "-detailed-exitcode",
        "-no-color",
        *variable_arguments(platform.laptop),
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_a_second_plan_of_each_endpoint_is_empty(platform, environment, tmp_path):
    s3, bucket = platform.client("s3"), platform.outputs["state_bucket"]
    names = ("platform.tfvars.json", "release.tfvars.json")
    for name in names:
        s3.download_file(bucket, f"endpoint/{environment}/{name}", str(tmp_path / name))
    settings = platform.laptop.environment() | {"TF_DATA_DIR": str(tmp_path / "terraform-data")}
    backend = {"bucket": bucket, "key": f"endpoint/{environment}/terraform.tfstate", "region": REGION}
    initialise = ["init", "-input=false", "-reconfigure", *(f"-backend-config={k}={v}" for k, v in backend.items())]
    plan = ["plan", "-input=false", "-no-color", "-detailed-exitcode", *(f"-var-file={tmp_path / n}" for n in names)]
    for arguments in (initialise, plan):
        done = subprocess.run(
            ["terraform", "-chdir=terraform/endpoint", *arguments], env=settings, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_destroy_leaves_nothing(platform):
    destroy_endpoints(platform.laptop, platform.screen)
    destroy_platform(platform.laptop, platform.screen)
    assert platform.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert platform.client("sagemaker").list_models()["Models"] == []
    assert platform.client("sagemaker").list_endpoint_configs()["EndpointConfigs"] == []
    assert platform.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert platform.client("s3").list_buckets()["Buckets"] == []
    assert platform.client("codepipeline").list_pipelines()["pipelines"] == []
    assert platform.client("codebuild").list_projects()["projects"] == []
    assert [r["RoleName"] for r in platform.client("iam").list_roles()["Roles"]] == []
