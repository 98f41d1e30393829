"""What a call needs permission for: IAM actions on resources, as the Service Authorization Reference lists them.

Pure functions of the operation and its input. Where a service's resources are not known here, the resource is "*".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.core.protocol import Call

# Prefixes of IAM actions that differ from botocore's service names.
_ACTION_PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
}

# Calls that AWS answers whoever asks.
ALWAYS_ALLOWED = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}

_S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

# (service, input member) -> resource part of the ARN. A value that is an ARN already stays as it is.
_RESOURCES = {
    ("codebuild", "projectName"): "project/{}",
    ("codebuild", "name"): "project/{}",
    ("codecommit", "repositoryName"): "{}",
    ("codepipeline", "name"): "{}",
    ("codepipeline", "pipelineName"): "{}",
    ("cloudwatch", "AlarmName"): "alarm:{}",
    ("cloudwatch", "AlarmNames"): "alarm:{}",
    ("events", "Rule"): "rule/{}",
    ("iam", "RoleName"): "role/{}",
    ("sagemaker", "EndpointConfigName"): "endpoint-config/{}",
    ("sagemaker", "EndpointName"): "endpoint/{}",
    ("sagemaker", "ModelName"): "model/{}",
    ("sagemaker", "ModelPackageGroupName"): "model-package-group/{}",
    ("sagemaker", "ProcessingJobName"): "processing-job/{}",
    ("sagemaker", "TrainingJobName"): "training-job/{}",
    ("sagemaker-runtime", "EndpointName"): "endpoint/{}",
    ("sts", "RoleArn"): "{}",
}
_ARN_MEMBERS = (
    "ResourceArn",
    "ResourceARN",
    "resourceArn",
    "resource",
    "TopicArn",
    "ModelPackageName",
    "ModelPackageArn",
)

# Operations that hand a role on, and the service that will assume it.
_PASSED_ROLES = {
    ("sagemaker", "CreateTrainingJob"): ("RoleArn", "sagemaker.amazonaws.com"),
    ("sagemaker", "CreateProcessingJob"): ("RoleArn", "sagemaker.amazonaws.com"),
    ("sagemaker", "CreateModel"): ("ExecutionRoleArn", "sagemaker.amazonaws.com"),
    ("codebuild", "CreateProject"): ("serviceRole", "codebuild.amazonaws.com"),
    ("codebuild", "UpdateProject"): ("serviceRole", "codebuild.amazonaws.com"),
}


@dataclass(frozen=True)
class Need:
    """One permission: the action on the resource; any of `resources` will do where AWS accepts several spellings."""

    action: str
    resources: tuple[str, ...]
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


def needs(call: Call, parameters: dict, region: str, account_id: str) -> list[Need]:
    """All permissions that a call needs of its caller, the call's own action first."""
    if (call.service, call.operation) in ALWAYS_ALLOWED or not call.operation:
        return []
    if call.service == "s3":
        return _s3_needs(call.operation, parameters)
    prefix = _ACTION_PREFIXES.get(call.service, call.service)
    action = f"{prefix}:{call.operation}"
    context = _context(call, parameters)
    found = [Need(action, resources, context) for resources in _resources(call, parameters, region, account_id)]
    if (passed := _PASSED_ROLES.get((call.service, call.operation))) and passed[0] in parameters:
        member, service = passed
        found.append(Need("iam:PassRole", (parameters[member],), {"iam:passedtoservice": service}))
    if call.service == "sagemaker" and (parameters.get("Tags") and call.operation.startswith("Create")):
        found += [Need("sagemaker:AddTags", need.resources, context) for need in found if need.action == action]
    if call.operation == "RegisterScalableTarget" and parameters.get("Tags"):
        found.append(Need("application-autoscaling:TagResource", found[0].resources, context))
    return found


def _context(call: Call, parameters: dict) -> dict[str, str | list[str]]:
    context: dict[str, str | list[str]] = {}
    if call.service == "cloudwatch" and "Namespace" in parameters:
        context["cloudwatch:namespace"] = parameters["Namespace"]
    if call.service == "application-autoscaling" and "ServiceNamespace" in parameters:
        context["application-autoscaling:service-namespace"] = parameters["ServiceNamespace"]
    if call.service == "application-autoscaling":
        context |= {f"aws:requesttag/{key.lower()}": value for key, value in parameters.get("Tags", {}).items()}
    if call.service == "iam" and "AWSServiceName" in parameters:
        context["iam:awsservicename"] = parameters["AWSServiceName"]
    if call.service == "kms" and call.operation == "CreateGrant":
        context["kms:grantisforawsresource"] = "false"
    return context


def _resources(call: Call, parameters: dict, region: str, account_id: str) -> list[tuple[str, ...]]:
    """Resources of a call other than to S3: each entry must be allowed, in any of its spellings."""
    if call.service == "logs":
        return [_log_resources(call.operation, parameters, region, account_id)]
    if call.service == "sqs" and "QueueUrl" in parameters:
        return [(f"arn:aws:sqs:{region}:{account_id}:{parameters['QueueUrl'].rsplit('/', 1)[-1]}",)]
    if call.service == "ssm":
        names = parameters.get("Names") or ([parameters["Name"]] if "Name" in parameters else [])
        return [(f"arn:aws:ssm:{region}:{account_id}:parameter/{name.lstrip('/')}",) for name in names] or [("*",)]
    if call.service == "kms" and "KeyId" in parameters:
        return [(_key_arn(parameters["KeyId"], region, account_id),)]
    if call.service == "codebuild" and ("ids" in parameters or "id" in parameters):
        builds = parameters.get("ids") or [parameters["id"]]
        projects = dict.fromkeys(one.rsplit("/", 1)[-1].split(":")[0] for one in builds)
        return [(f"arn:aws:codebuild:{region}:{account_id}:project/{project}",) for project in projects]
    if call.service == "sagemaker" and "ModelPackageGroupName" in parameters and "Package" in call.operation:
        group = parameters["ModelPackageGroupName"].rsplit("/", 1)[-1]
        if call.operation == "CreateModelPackage":  # the package that will be; its number is not known yet
            return [(f"arn:aws:sagemaker:{region}:{account_id}:model-package/{group}/0",)]
    if call.service == "application-autoscaling" and "ResourceId" in parameters and "Describe" not in call.operation:
        # the id of a target is random, and not known to who calls
        return [(f"arn:aws:application-autoscaling:{region}:{account_id}:scalable-target/0",)]

    found: list[tuple[str, ...]] = []
    for name in _ARN_MEMBERS:
        if str(parameters.get(name, "")).startswith("arn:"):
            found.append((parameters[name],))
    if found:
        return found[:1]

    service = _ACTION_PREFIXES.get(call.service, call.service)
    for (owner, name), layout in _RESOURCES.items():
        if owner != call.service or name not in parameters:
            continue
        values = parameters[name] if isinstance(parameters[name], list) else [parameters[name]]
        place = f"arn:aws:{service}:{'' if service == 'iam' else region}:{account_id}:"
        found += [(one if one.startswith("arn:") else place + layout.format(one),) for one in values]
    return found or [("*",)]


def _log_resources(operation: str, parameters: dict, region: str, account_id: str) -> tuple[str, ...]:
    group = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if group is None:
        arn = parameters.get("resourceArn")
        return (arn, f"{arn}:*") if arn else ("*",)
    place = group if group.startswith("arn:") else f"arn:aws:logs:{region}:{account_id}:log-group:{group}"
    if operation in ("PutLogEvents", "GetLogEvents", "DeleteLogStream"):
        return (f"{place}:log-stream:{parameters.get('logStreamName', '')}",)
    return (place, f"{place}:*", f"{place}:")


def _key_arn(key_id: str, region: str, account_id: str) -> str:
    if key_id.startswith("arn:"):
        return key_id
    kind = key_id if key_id.startswith("alias/") else f"key/{key_id}"
    return f"arn:aws:kms:{region}:{account_id}:{kind}"


def _s3_needs(operation: str, parameters: dict) -> list[Need]:
    action = "s3:" + _S3_ACTIONS.get(operation, operation)
    bucket = parameters.get("Bucket")
    if bucket is None:
        return [Need(action, ("*",))]
    place = f"arn:aws:s3:::{bucket}"
    if operation == "DeleteObjects":
        keys = [one["Key"] for one in parameters.get("Delete", {}).get("Objects", [])]
        return [Need(action, (f"{place}/{key}",)) for key in keys]
    if "Key" not in parameters:
        return [Need(action, (place,), {"s3:prefix": parameters.get("Prefix", "")})]
    if "VersionId" in parameters and operation in ("GetObject", "HeadObject", "DeleteObject"):
        action += "Version"
    found = [Need(action, (f"{place}/{parameters['Key']}",))]
    source = parameters.get("CopySource")
    if source:
        found.append(Need("s3:GetObject", (f"arn:aws:s3:::{source.lstrip('/').split('?')[0]}",)))
    return found


def resource_of(call: Call, parameters: dict, region: str, account_id: str) -> str | None:
    """The resource a call is about, for the record; None where there is none."""
    found = [need.resources[0] for need in needs(call, parameters, region, account_id)]
    return found[0] if found and found[0] != "*" else None
