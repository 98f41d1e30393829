"""The Model Registry: one package a release candidate, with its metrics, its provenance and the gate's verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from release.aws.naming import fingerprint
from release.aws.platform import Platform
from release.decision import model_card
from release.decision.candidate import Candidate

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef, ModelPackageSummaryTypeDef

MAX_PROPERTIES = 50
MAX_VALUE_CHARACTERS = 256
_FORBIDDEN = re.compile(r"[^\w\s_.:/=+\-@]")


def registration_fingerprint(candidate: Candidate) -> str:
    """The same model, evaluation and rules are the same package, whatever the commit."""
    rules = [[rule.name, rule.required, rule.passed] for rule in candidate.decision.rules]
    verdict = candidate.decision.verdict
    return fingerprint("package", candidate.model_data_uri, candidate.evaluation_job_name, rules, verdict)


def metadata_value(text: str) -> str:
    """Text as CustomerMetadataProperties takes it: letters, digits, spaces and `_.:/=+-@`, at most 256."""
    return _FORBIDDEN.sub(" ", text)[:MAX_VALUE_CHARACTERS]


def metadata_properties(candidate: Candidate, platform: Platform) -> dict[str, str]:
    """Where the package comes from and what the gate said, each value findable by a search in the registry."""
    properties = {
        "commit": candidate.commit_id,
        "dataset_version": candidate.dataset_version,
        "training_job": candidate.training_job_name,
        "evaluation_job": candidate.evaluation_job_name,
        "training_image": platform.training_image_uri,
        "inference_image": platform.inference_image_uri,
        "trained_model": candidate.trained_model_uri,
        "policy": candidate.policy["id"],
        "policy_targets": candidate.policy_targets,
        "evaluation_settings": candidate.evaluation_settings,
        "gate": candidate.decision.verdict,
        "gate_mode": candidate.decision.mode,
        "registration": registration_fingerprint(candidate),
    }

    for index, rule in enumerate(candidate.decision.failed):
        properties[f"gate_failed_{index + 1}"] = rule.sentence
    for name, value in candidate.hyperparameters.items():
        if len(properties) < MAX_PROPERTIES:
            properties[f"hp_{name}"] = value

    return {key: metadata_value(value) for key, value in list(properties.items())[:MAX_PROPERTIES] if value}


def package_request(candidate: Candidate, platform: Platform) -> dict[str, Any]:
    """CreateModelPackage's arguments; a candidate that failed the gate is registered as Rejected, with the reasons."""
    passed = candidate.decision.passed
    identity = f"registration {registration_fingerprint(candidate)}, commit {candidate.commit_id}"
    description = f"{identity}: {candidate.decision.summary}"

    return {
        "ModelPackageGroupName": platform.model_package_group_name,
        "ModelPackageDescription": description[:1024],
        "InferenceSpecification": {
            "Containers": [{"Image": platform.inference_image_uri, "ModelDataUrl": candidate.model_data_uri}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": f"{candidate.evaluation_uri}evaluation.json",
                }
            }
        },
        "CustomerMetadataProperties": metadata_properties(candidate, platform),
        "ModelCard": {
            "ModelCardContent": model_card.registry_card(candidate, platform),
            "ModelCardStatus": "PendingReview" if passed else "Draft",
        },
        "ModelApprovalStatus": "PendingManualApproval" if passed else "Rejected",
    }


def register(candidate: Candidate, platform: Platform, sagemaker: SageMakerClient) -> str:
    """Register the candidate, or find the package that already holds exactly it; returns the package's ARN."""
    beginning = f"registration {registration_fingerprint(candidate)},"
    for summary in list_packages(platform.model_package_group_name, sagemaker):
        # The description comes with the list; a description of each package would be a call each
        if summary.get("ModelPackageDescription", "").startswith(beginning):
            return summary["ModelPackageArn"]
    return sagemaker.create_model_package(**package_request(candidate, platform))["ModelPackageArn"]


def list_packages(group_name: str, sagemaker: SageMakerClient) -> Iterator[ModelPackageSummaryTypeDef]:
    """The group's packages, newest first."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group_name, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        yield from page["ModelPackageSummaryList"]


def describe(package_arn: str, sagemaker: SageMakerClient) -> DescribeModelPackageOutputTypeDef:
    """A package as the registry describes it."""
    return sagemaker.describe_model_package(ModelPackageName=package_arn)


def model_data_uri(package: Mapping[str, Any]) -> str:
    """s3:// of a described package's model.tar.gz."""
    return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]


def image_uri(package: Mapping[str, Any]) -> str:
    """The image that a described package is served by."""
    return package["InferenceSpecification"]["Containers"][0]["Image"]


def evaluation_file_uri(package: Mapping[str, Any], name: str) -> str:
    """s3:// of a file of the evaluation that a described package points to; empty where it points to none."""
    metrics = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
    return f"{metrics.rpartition('/')[0]}/{name}" if metrics else ""


def properties(package: Mapping[str, Any]) -> dict[str, str]:
    """What a described package says about where it comes from; empty for one that was not registered here."""
    return package.get("CustomerMetadataProperties") or {}
