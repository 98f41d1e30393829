"""Model packages: the versions of a group, and packages without a group."""

from __future__ import annotations

from botocore.exceptions import ClientError
from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import parse_location
from emulator.sagemaker.registry.checks import check_metadata, check_model_card
from emulator.sagemaker.registry.groups import Groups, user

# Members of a CreateModelPackage request that DescribeModelPackage gives back.
DESCRIBED = (
    "ModelPackageGroupName",
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
    "ManagedStorageType",
)
# What UpdateModelPackage replaces as a whole.
REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
    "InferenceSpecification",
)


class Packages:
    """The operations on model packages."""

    def __init__(self, cloud: Cloud, tags: TaggingService, groups: Groups):
        self._cloud = cloud
        self._tags = tags
        self._groups = groups
        self._packages: dict[str, dict] = {}  # by ARN; what DescribeModelPackage answers

    def create_model_package(self, request: dict, caller: Caller) -> dict:
        named, grouped = "ModelPackageName" in request, "ModelPackageGroupName" in request
        if named == grouped:
            raise AwsError("ValidationException", "Exactly one of ModelPackageName, ModelPackageGroupName is expected")
        if "InferenceSpecification" not in request and "SourceAlgorithmSpecification" not in request:
            raise AwsError("ValidationException", "InferenceSpecification or SourceAlgorithmSpecification is expected")
        check_metadata(request.get("CustomerMetadataProperties", {}))
        check_model_card(request.get("ModelCard"))
        specification = self._with_etags(request.get("InferenceSpecification"))

        with self._groups.lock:
            name, version, arn = self._named(request)
            self._packages[arn] = {
                **{member: request[member] for member in DESCRIBED if member in request},
                "ModelPackageName": name,
                "ModelPackageGroupName": name if grouped else None,
                "ModelPackageVersion": version,
                "ModelPackageRegistrationType": request.get("ModelPackageRegistrationType", "Registered"),
                "ModelPackageArn": arn,
                "CreationTime": self._cloud.now(),
                "CreatedBy": user(caller),
                "InferenceSpecification": specification,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
                "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval" if grouped else None),
            }
            self._tags.tag_resource(arn, request.get("Tags", []))
        return {"ModelPackageArn": arn}

    def _named(self, request: dict) -> tuple[str, int | None, str]:
        """(name, version, ARN) of a new package: the next version of its group, or a name of its own."""
        if "ModelPackageGroupName" in request:
            name = self._groups.find(request["ModelPackageGroupName"])["ModelPackageGroupName"]
            version = self._groups.add_version(name)
            return name, version, self._cloud.arn("sagemaker", f"model-package/{name}/{version}")
        name = request["ModelPackageName"]
        arn = self._cloud.arn("sagemaker", f"model-package/{name}")
        if arn in self._packages:
            raise AwsError("ConflictException", f"Model Package already exists: {arn}")
        return name, None, arn

    def describe_model_package(self, request: dict, caller: Caller) -> dict:
        return self._package(request["ModelPackageName"])

    def update_model_package(self, request: dict, caller: Caller) -> dict:
        check_metadata(request.get("CustomerMetadataProperties", {}))
        check_model_card(request.get("ModelCard"))
        with self._groups.lock:
            package = dict(self._package(request["ModelPackageArn"]))
            properties = (package.get("CustomerMetadataProperties") or {}) | request.get(
                "CustomerMetadataProperties", {}
            )
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            check_metadata(properties)
            package["CustomerMetadataProperties"] = properties or None
            added = request.get("AdditionalInferenceSpecificationsToAdd", [])
            specifications = [*(package.get("AdditionalInferenceSpecifications") or []), *added]
            package["AdditionalInferenceSpecifications"] = specifications or None
            package |= {member: request[member] for member in REPLACED if member in request}
            package["LastModifiedTime"] = self._cloud.now()
            package["LastModifiedBy"] = user(caller)
            self._packages[package["ModelPackageArn"]] = package
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_model_package(self, request: dict, caller: Caller) -> None:
        with self._groups.lock:
            package = self._package(request["ModelPackageName"])
            arn = package["ModelPackageArn"]
            del self._packages[arn]
            if package["ModelPackageGroupName"] is not None:
                self._groups.remove_version(package["ModelPackageGroupName"])
            self._tags.delete_all_tags_for_resource(arn)

    def list_model_packages(self, request: dict, caller: Caller) -> dict:
        group_name = request.get("ModelPackageGroupName")
        if group_name is not None:
            group_name = self._groups.find(group_name)["ModelPackageGroupName"]
        kind = request.get("ModelPackageType", "Versioned" if group_name else "Unversioned")
        shown = (
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "ModelPackageDescription",
            "CreationTime",
            "ModelPackageStatus",
            "ModelApprovalStatus",
            "ModelLifeCycle",
            "ModelPackageRegistrationType",
        )
        entries = [
            Entry(
                package["ModelPackageName"],
                package["CreationTime"],
                {member: package.get(member) for member in shown}
                | ({} if package["ModelPackageVersion"] else {"ModelPackageName": package["ModelPackageName"]}),
            )
            for package in list(self._packages.values())
            if kind in ("Both", "Versioned" if package["ModelPackageVersion"] else "Unversioned")
            and group_name in (None, package["ModelPackageGroupName"])
            and request.get("ModelApprovalStatus") in (None, package["ModelApprovalStatus"])
        ]
        return listing(entries, request, "ModelPackageSummaryList")

    def _package(self, name_or_arn: str) -> dict:
        arn = name_or_arn
        if not name_or_arn.startswith("arn:"):
            arn = self._cloud.arn("sagemaker", f"model-package/{name_or_arn}")
        if arn not in self._packages:
            raise AwsError("ValidationException", f"ModelPackage {arn} does not exist")
        return self._packages[arn]

    def _with_etags(self, specification: dict | None) -> dict | None:
        """The specification with the ETag of each model archive. Raises ValidationException where there is none."""
        if specification is None:
            return None
        return specification | {"Containers": [self._with_etag(each) for each in specification["Containers"]]}

    def _with_etag(self, container: dict) -> dict:
        if "ModelDataUrl" not in container:
            return container
        try:
            location = parse_location(container["ModelDataUrl"])
            head = self._cloud.client("s3").head_object(Bucket=location.bucket, Key=location.key)
        except (ClientError, ValueError) as error:
            raise AwsError(
                "ValidationException", f"Could not find model data at {container['ModelDataUrl']}."
            ) from error
        return container | {"ModelDataETag": head["ETag"].strip('"')}
