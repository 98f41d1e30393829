"""The permissions that a call needs, by operation and input."""

import pytest

from emulator.core.protocol import Call
from emulator.iam.permissions import needs

PLACE = ("us-east-1", "123456789012")


def test_passing_a_role_is_a_permission_of_its_own():
    parameters = {"TrainingJobName": "t-1", "RoleArn": "arn:aws:iam::123456789012:role/r", "Tags": [{}]}
    found = needs(Call("sagemaker", "CreateTrainingJob", "json", "K"), parameters, *PLACE)
    actions = [(need.action, need.resources[0]) for need in found]
    job = "arn:aws:sagemaker:us-east-1:123456789012:training-job/t-1"
    assert ("sagemaker:CreateTrainingJob", job) in actions
    assert ("sagemaker:AddTags", job) in actions
    passed = next(need for need in found if need.action == "iam:PassRole")
    assert passed.resources == ("arn:aws:iam::123456789012:role/r",)
    assert passed.context == {"iam:passedtoservice": "sagemaker.amazonaws.com"}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "action", "resource"),
    [
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, "s3:GetObject", "arn:aws:s3:::b/k"),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"}, "s3:GetObjectVersion", "arn:aws:s3:::b/k"),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, "s3:ListBucket", "arn:aws:s3:::b"),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, "s3:PutObject", "arn:aws:s3:::b/k"),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            {"EndpointName": "e"},
            "sagemaker:InvokeEndpoint",
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
        ),
        (
            "codebuild",
            "BatchGetBuilds",
            {"ids": ["check:1"]},
            "codebuild:BatchGetBuilds",
            "arn:aws:codebuild:us-east-1:123456789012:project/check",
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            "logs:PutLogEvents",
            "arn:aws:logs:us-east-1:123456789012:log-group:/g:log-stream:s",
        ),
        (
            "kms",
            "Decrypt",
            {"KeyId": "alias/a"},
            "kms:Decrypt",
            "arn:aws:kms:us-east-1:123456789012:alias/a",
        ),
        ("sagemaker", "ListTrainingJobs", {}, "sagemaker:ListTrainingJobs", "*"),
        (
            "sagemaker",
            "ListModelPackages",
            {"ModelPackageGroupName": "g"},
            "sagemaker:ListModelPackages",
            "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/g",
        ),
        ("iam", "GetRole", {"RoleName": "r"}, "iam:GetRole", "arn:aws:iam::123456789012:role/r"),
        (
            "sagemaker",
            "UpdateModelPackage",
            {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1"},
            "sagemaker:UpdateModelPackage",
            "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1",
        ),
        (
            "application-autoscaling",
            "RegisterScalableTarget",
            {"ResourceId": "endpoint/e/variant/v"},
            "application-autoscaling:RegisterScalableTarget",
            "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/0",
        ),
        (
            "application-autoscaling",
            "DescribeScalingPolicies",
            {"ResourceId": "endpoint/e/variant/v"},
            "application-autoscaling:DescribeScalingPolicies",
            "*",
        ),
    ],
)
def test_a_call_needs_its_action_on_its_resource(service, operation, parameters, action, resource):
    need = needs(Call(service, operation, "json", "K"), parameters, *PLACE)[0]
    assert (need.action, need.resources[0]) == (action, resource)


def test_who_am_i_needs_no_permission():
    assert needs(Call("sts", "GetCallerIdentity", "query", "K"), {}, *PLACE) == []
