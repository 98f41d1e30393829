"""Which service may take a role."""

import json

import pytest

from emulator.core.errors import AwsError
from emulator.iam.roles import check_role, takes_role


@pytest.fixture
def role(aws, request):
    trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    name = f"trusts-codebuild-{abs(hash(request.node.name)) % 10**8}"
    return aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]


def test_a_role_is_taken_by_the_service_that_it_trusts_only(cloud, role):
    assert takes_role(cloud, "codebuild.amazonaws.com", role)
    assert not takes_role(cloud, "sagemaker.amazonaws.com", role)


def test_a_role_that_is_not_there_is_taken_by_nobody(cloud, role):
    assert not takes_role(cloud, "codebuild.amazonaws.com", f"{role}-absent")
    assert not takes_role(cloud, "codebuild.amazonaws.com", role.replace("123456789012", "210987654321"))


@pytest.mark.parametrize(
    ("service", "code"), [("codepipeline", "InvalidStructureException"), ("sagemaker", "ValidationException")]
)
def test_each_service_refuses_a_role_in_its_own_words(cloud, role, service, code):
    with pytest.raises(AwsError, match=f"{service}.amazonaws.com") as refusal:
        check_role(cloud, service, role)
    assert refusal.value.code == code
    assert role in refusal.value.message
