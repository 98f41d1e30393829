"""Which service may take a role: its trust policy, and the words in which each service refuses a role."""

from __future__ import annotations

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.iam import policies

# (error code, message) by service
_REFUSALS = {
    "codebuild": (
        "InvalidInputException",
        "CodeBuild is not authorized to perform: sts:AssumeRole on service role {role}. Please verify that the role "
        "exists and that its trust policy names codebuild.amazonaws.com.",
    ),
    "codepipeline": (
        "InvalidStructureException",
        "CodePipeline is not authorized to perform AssumeRole on role {role}: the role must exist and its trust "
        "policy name codepipeline.amazonaws.com",
    ),
    "sagemaker": (
        "ValidationException",
        "Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
    ),
}


def takes_role(cloud: Cloud, service: str, role_arn: str) -> bool:
    """Whether the role exists and its trust policy lets the service, such as "codebuild.amazonaws.com", take it."""
    iam = cloud.client("iam")
    try:
        role = iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except iam.exceptions.NoSuchEntityException:
        return False
    return role["Arn"] == role_arn and policies.trusts(role["AssumeRolePolicyDocument"], service, cloud.account_id)


def check_role(cloud: Cloud, service: str, role_arn: str) -> None:
    """Raises AwsError, as "codebuild", "codepipeline" or "sagemaker" words it, for a role that it may not take."""
    if not takes_role(cloud, f"{service}.amazonaws.com", role_arn):
        code, message = _REFUSALS[service]
        raise AwsError(code, message.format(role=role_arn))
