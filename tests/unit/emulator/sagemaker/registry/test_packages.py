import json

import pytest
from botocore.exceptions import ClientError
from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.sagemaker.registry.groups import Groups
from emulator.sagemaker.registry.packages import Packages

CALLER = Caller("arn:aws:iam::123456789012:root", None, "AKIA")


@pytest.fixture(scope="module")
def sagemaker(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="registry-tests")
    s3.put_object(Bucket="registry-tests", Key="model.tar.gz", Body=b"weights")
    return aws("sagemaker")


@pytest.fixture
def group(sagemaker, request):
    name = request.node.name.replace("_", "-")[-60:].strip("-")
    sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="tests")
    return name


def register(sagemaker, group, **members):
    container = {"Image": "image:1", "ModelDataUrl": "s3://registry-tests/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    answer = sagemaker.create_model_package(
        **{"ModelPackageGroupName": group, "InferenceSpecification": specification} | members
    )
    return answer["ModelPackageArn"]


def refusal(call, **members):
    with pytest.raises(ClientError) as refused:
        call(**members)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_group_is_described_listed_and_deleted(sagemaker, group):
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert described["ModelPackageGroupArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/{group}"
    assert described["ModelPackageGroupStatus"] == "Completed"
    listed = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in listed] == [group]
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    code, message = refusal(sagemaker.describe_model_package_group, ModelPackageGroupName=group)
    # Terraform takes this text for "gone".
    assert (code, "does not exist" in message) == ("ValidationException", True)


def test_a_group_is_made_once(sagemaker, group):
    code, message = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=group)
    assert (code, "already exists" in message) == ("ValidationException", True)


def test_a_group_that_holds_packages_is_not_deleted(sagemaker, group):
    arn = register(sagemaker, group)
    code, _ = refusal(sagemaker.delete_model_package_group, ModelPackageGroupName=group)
    assert code == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def test_the_policy_of_a_group_is_kept_until_it_is_deleted(sagemaker, group):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    _, message = refusal(sagemaker.get_model_package_group_policy, ModelPackageGroupName=group)
    assert "Cannot find resource policy" in message
    code, _ = refusal(sagemaker.put_model_package_group_policy, ModelPackageGroupName=group, ResourcePolicy="{")
    assert code == "ValidationException"


def test_versions_count_up_and_are_never_given_twice(sagemaker, group):
    first, second = register(sagemaker, group), register(sagemaker, group)
    assert first == f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/1"
    sagemaker.delete_model_package(ModelPackageName=second)
    assert register(sagemaker, group).endswith("/3")


def test_a_package_is_described_with_all_that_was_registered(sagemaker, group):
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://registry-tests/e"}}}
    arn = register(
        sagemaker,
        group,
        ModelMetrics=metrics,
        CustomerMetadataProperties={"commit": "0123abc", "dataset": "v 1"},
        ModelPackageDescription="tests",
    )
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelMetrics"] == metrics
    assert described["CustomerMetadataProperties"] == {"commit": "0123abc", "dataset": "v 1"}
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["ModelPackageVersion"] == 1
    assert described["ModelPackageGroupName"] == group
    assert described["InferenceSpecification"]["Containers"][0]["ModelDataETag"]
    assert "LastModifiedTime" not in described


def test_an_update_changes_what_it_names_and_says_when_and_by_whom(sagemaker, group):
    arn = register(sagemaker, group, CustomerMetadataProperties={"keep": "1", "drop": "2"})
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="by a test",
        CustomerMetadataProperties={"new": "3"},
        CustomerMetadataPropertiesToRemove=["drop"],
    )
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "by a test"
    assert described["CustomerMetadataProperties"] == {"keep": "1", "new": "3"}
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:")


def test_a_package_without_metadata_can_be_updated_again_and_again(sagemaker, group):
    arn = register(sagemaker, group)
    for status in ("Rejected", "Approved"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"


def test_packages_are_listed_by_group_and_approval(sagemaker, group):
    register(sagemaker, group)
    approved = register(sagemaker, group, ModelApprovalStatus="Approved")
    found = sagemaker.list_model_packages(ModelPackageGroupName=group, SortOrder="Descending")
    assert [each["ModelPackageVersion"] for each in found["ModelPackageSummaryList"]] == [2, 1]
    found = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [each["ModelPackageArn"] for each in found["ModelPackageSummaryList"]] == [approved]
    code, _ = refusal(sagemaker.list_model_packages, ModelPackageGroupName="no-such-group")
    assert code == "ValidationException"


def test_a_package_must_belong_to_a_group_and_its_archive_must_exist(sagemaker, group):
    missing = {"Containers": [{"Image": "image:1", "ModelDataUrl": "s3://registry-tests/none.tar.gz"}]}
    missing |= {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}
    assert refusal(register, sagemaker=sagemaker, group="no-such-group")[0] == "ValidationException"
    _, message = refusal(register, sagemaker=sagemaker, group=group, InferenceSpecification=missing)
    assert "s3://registry-tests/none.tar.gz" in message
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []


def test_a_deleted_package_is_gone(sagemaker, group):
    arn = register(sagemaker, group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    assert "does not exist" in refusal(sagemaker.describe_model_package, ModelPackageName=arn)[1]


def test_tags_of_a_resource_are_added_listed_and_deleted(sagemaker, group):
    arn = register(sagemaker, group)
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    sagemaker.delete_model_package(ModelPackageName=arn)
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_a_model_card_is_given_back_and_replaced(sagemaker, group):
    card = {"ModelCardContent": json.dumps({"intended_uses": {"risk_rating": "Low"}}), "ModelCardStatus": "Draft"}
    arn = register(sagemaker, group, ModelCard=card)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"] == card
    approved = card | {"ModelCardStatus": "Approved"}
    sagemaker.update_model_package(ModelPackageArn=arn, ModelCard=approved)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"] == approved


def test_a_package_without_a_group_has_a_name_of_its_own_and_no_version(cloud):
    packages = Packages(cloud, TaggingService(), Groups(cloud, TaggingService()))
    request = {"ModelPackageName": "own", "SourceAlgorithmSpecification": {}}
    arn = packages.create_model_package(request, CALLER)["ModelPackageArn"]
    assert packages.describe_model_package({"ModelPackageName": "own"}, CALLER)["ModelPackageVersion"] is None
    with pytest.raises(AwsError, match="Model Package already exists"):
        packages.create_model_package(request, CALLER)
    listed = packages.list_model_packages({}, CALLER)["ModelPackageSummaryList"]
    assert [(one["ModelPackageName"], one["ModelPackageArn"]) for one in listed] == [("own", arn)]
    packages.delete_model_package({"ModelPackageName": "own"}, CALLER)
    with pytest.raises(AwsError, match="Exactly one of"):
        packages.create_model_package({"InferenceSpecification": {}}, CALLER)
