import json

import pytest

from release import __main__ as command_line
from release.aws.failure import StageFailed
from release.operate import teardown
from release.toolchain.terraform import TerraformRun


@pytest.fixture
def released(aws, platform):
    """Prod has a release, staging never had one, and a package is registered."""
    for name, content in {
        "platform.tfvars.json": {"kms_key_arn": platform.kms_key_arn},
        "release.tfvars.json": {"live_release": "v1-12345678"},
    }.items():
        aws.client("s3").put_object(
            Bucket=platform.state_bucket, Key=f"endpoint/prod/{name}", Body=json.dumps(content).encode()
        )
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="moderation")
    sagemaker.create_model_package(ModelPackageGroupName="moderation", ModelApprovalStatus="PendingManualApproval")


def packages(aws):
    return aws.client("sagemaker").list_model_packages(ModelPackageGroupName="moderation")["ModelPackageSummaryList"]


@pytest.mark.usefixtures("released")
def test_what_was_released_is_destroyed_in_its_own_state_and_packages_go_after_it(aws, platform, monkeypatch):
    runs, deleted, shown = [], [], []
    # moto has no DeleteModelPackage
    monkeypatch.setattr(
        aws.client("sagemaker"), "delete_model_package", lambda ModelPackageName: deleted.append(ModelPackageName)
    )

    def terraform(arguments, environ, show):
        assert deleted == []
        assert environ["AWS_REGION"] == aws.region_name
        runs.append(arguments)
        return TerraformRun(0)

    monkeypatch.setattr(teardown, "run_terraform", terraform)
    teardown.teardown(platform.state_bucket, "moderation", aws, shown.append)
    assert [arguments[0] for arguments in runs] == ["init", "destroy"]
    assert "-backend-config=key=endpoint/prod/terraform.tfstate" in runs[0]
    assert f"-backend-config=kms_key_id={platform.kms_key_arn}" in runs[0]
    assert deleted == [package["ModelPackageArn"] for package in packages(aws)]
    assert shown == ["staging: no release, nothing to destroy", "moderation: 1 model packages deleted"]


@pytest.mark.usefixtures("released")
def test_packages_stay_where_an_endpoint_could_not_be_destroyed(aws, platform, monkeypatch):
    monkeypatch.setattr(teardown, "run_terraform", lambda *arguments: TerraformRun(1))
    with pytest.raises(StageFailed, match="terraform init for prod ended with status 1"):
        teardown.teardown(platform.state_bucket, "moderation", aws, lambda line: None)
    assert len(packages(aws)) == 1  # where the call is made, moto fails the test


def test_an_error_of_aws_is_one_line(aws, monkeypatch, capsys):
    monkeypatch.setattr("release.commands.operate.aws_session", lambda: aws)
    arguments = ["teardown", "--state-bucket", "no-such-bucket", "--model-package-group", "moderation"]
    assert command_line.main(arguments) == 1
    assert capsys.readouterr().err.startswith("error: ")
