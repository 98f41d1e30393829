"""The Model Registry: package groups, their policies, and versioned model packages."""

import json
import threading
import unicodedata

from botocore.exceptions import ClientError

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import parse_location

MAX_METADATA_PROPERTIES = 50
MAX_METADATA_KEY_LENGTH = 128
MAX_METADATA_VALUE_LENGTH = 256
# The model package model card's schema, as far as it is checked: its sections, and what a section of fixed keys holds.
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
CARD_SECTIONS: dict[str, set[str]] = {
    "model_overview": {"model_creator", "model_artifact"},
    "intended_uses": {
        "purpose_of_model",
        "intended_uses",
        "factors_affecting_model_efficiency",
        "risk_rating",
        "explanations_for_risk_rating",
    },
    "business_details": {"business_problem", "business_stakeholders", "line_of_business"},
    "training_details": {"objective_function", "training_observations", "training_job_details"},
    "evaluation_details": {
        "name",
        "evaluation_observation",
        "evaluation_job_arn",
        "datasets",
        "metadata",
        "metric_groups",
    },
    "additional_information": {"ethical_considerations", "caveats_and_recommendations", "custom_details"},
}

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


class RegistryOperations:
    """The operations on model package groups and model packages."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self._registry_lock = threading.RLock()
        self._groups: dict[str, dict] = {}  # by name; what DescribeModelPackageGroup answers
        self._policies: dict[str, str] = {}  # by group name
        self._packages: dict[str, dict] = {}  # by ARN; what DescribeModelPackage answers
        self._last_version: dict[str, int] = {}  # by group name; a version is never given twice

    # --- groups -----------------------------------------------------------------------------------------------

    def create_model_package_group(self, request: dict, caller: Caller) -> dict:
        name = request["ModelPackageGroupName"]
        arn = self.cloud.arn("sagemaker", f"model-package-group/{name}")
        with self._registry_lock:
            if name in self._groups:
                raise AwsError("ValidationException", f"Model Package Group already exists: {arn}")
            self._groups[name] = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": arn,
                "ModelPackageGroupDescription": request.get("ModelPackageGroupDescription"),
                "CreationTime": self.cloud.now(),
                "CreatedBy": _user(caller),
                "ModelPackageGroupStatus": "Completed",
                "ManagedConfiguration": request.get("ManagedConfiguration"),
            }
            self.remember_tags(arn, request.get("Tags", []))
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, request: dict, caller: Caller) -> dict:
        return self._group(request["ModelPackageGroupName"])

    def list_model_package_groups(self, request: dict, caller: Caller) -> dict:
        if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
            return listing([], request, "ModelPackageGroupSummaryList")
        shown = (
            "ModelPackageGroupName",
            "ModelPackageGroupArn",
            "ModelPackageGroupDescription",
            "CreationTime",
            "ModelPackageGroupStatus",
            "ManagedConfiguration",
        )
        entries = [
            Entry(name, group["CreationTime"], {member: group[member] for member in shown})
            for name, group in list(self._groups.items())
        ]
        return listing(entries, request, "ModelPackageGroupSummaryList")

    def delete_model_package_group(self, request: dict, caller: Caller) -> None:
        with self._registry_lock:
            group = self._group(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            if any(package.get("ModelPackageGroupName") == name for package in self._packages.values()):
                raise AwsError(
                    "ConflictException",
                    f"Model Package Group cannot be deleted because it still contains Model Packages: {name}",
                )
            del self._groups[name]
            self._policies.pop(name, None)
            self.forget_tags(group["ModelPackageGroupArn"])

    def put_model_package_group_policy(self, request: dict, caller: Caller) -> dict:
        group = self._group(request["ModelPackageGroupName"])
        try:
            json.loads(request["ResourcePolicy"])
        except json.JSONDecodeError as error:
            raise AwsError("ValidationException", f"ResourcePolicy is not valid JSON: {error}") from error
        self._policies[group["ModelPackageGroupName"]] = request["ResourcePolicy"]
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    def get_model_package_group_policy(self, request: dict, caller: Caller) -> dict:
        return {"ResourcePolicy": self._policy(request["ModelPackageGroupName"])}

    def delete_model_package_group_policy(self, request: dict, caller: Caller) -> None:
        self._policy(request["ModelPackageGroupName"])
        del self._policies[request["ModelPackageGroupName"]]

    def _policy(self, group_name: str) -> str:
        group = self._group(group_name)
        if group["ModelPackageGroupName"] not in self._policies:
            raise AwsError("ValidationException", f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
        return self._policies[group["ModelPackageGroupName"]]

    def _group(self, name_or_arn: str) -> dict:
        name = name_or_arn.rpartition("/")[2]
        if name not in self._groups:
            arn = self.cloud.arn("sagemaker", f"model-package-group/{name}")
            raise AwsError("ValidationException", f"Cannot find Model Package Group: {arn} does not exist")
        return self._groups[name]

    # --- packages ---------------------------------------------------------------------------------------------

    def create_model_package(self, request: dict, caller: Caller) -> dict:
        named, grouped = "ModelPackageName" in request, "ModelPackageGroupName" in request
        if named == grouped:
            raise AwsError("ValidationException", "Exactly one of ModelPackageName, ModelPackageGroupName is expected")
        if "InferenceSpecification" not in request and "SourceAlgorithmSpecification" not in request:
            raise AwsError("ValidationException", "InferenceSpecification or SourceAlgorithmSpecification is expected")
        check_metadata(request.get("CustomerMetadataProperties", {}))
        check_model_card(request.get("ModelCard"))
        specification = self._with_etags(request.get("InferenceSpecification"))
        with self._registry_lock:
            if grouped:
                group = self._group(request["ModelPackageGroupName"])
                name = group["ModelPackageGroupName"]
                version = self._last_version[name] = self._last_version.get(name, 0) + 1
                arn = self.cloud.arn("sagemaker", f"model-package/{name}/{version}")
            else:
                name, version = request["ModelPackageName"], None
                arn = self.cloud.arn("sagemaker", f"model-package/{name}")
                if arn in self._packages:
                    raise AwsError("ConflictException", f"Model Package already exists: {arn}")
            self._packages[arn] = {
                **{member: request[member] for member in DESCRIBED if member in request},
                "ModelPackageName": name,
                "ModelPackageGroupName": name if grouped else None,
                "ModelPackageVersion": version,
                "ModelPackageRegistrationType": request.get("ModelPackageRegistrationType", "Registered"),
                "ModelPackageArn": arn,
                "CreationTime": self.cloud.now(),
                "CreatedBy": _user(caller),
                "InferenceSpecification": specification,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
                "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval" if grouped else None),
            }
            self.remember_tags(arn, request.get("Tags", []))
        return {"ModelPackageArn": arn}

    def describe_model_package(self, request: dict, caller: Caller) -> dict:
        return self._package(request["ModelPackageName"])

    def update_model_package(self, request: dict, caller: Caller) -> dict:
        check_metadata(request.get("CustomerMetadataProperties", {}))
        check_model_card(request.get("ModelCard"))
        with self._registry_lock:
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
            package["LastModifiedTime"] = self.cloud.now()
            package["LastModifiedBy"] = _user(caller)
            self._packages[package["ModelPackageArn"]] = package
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_model_package(self, request: dict, caller: Caller) -> None:
        with self._registry_lock:
            arn = self._package(request["ModelPackageName"])["ModelPackageArn"]
            del self._packages[arn]
            self.forget_tags(arn)

    def list_model_packages(self, request: dict, caller: Caller) -> dict:
        group_name = request.get("ModelPackageGroupName")
        if group_name is not None:
            group_name = self._group(group_name)["ModelPackageGroupName"]
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
            arn = self.cloud.arn("sagemaker", f"model-package/{name_or_arn}")
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
            head = self.cloud.client("s3").head_object(Bucket=location.bucket, Key=location.key)
        except (ClientError, ValueError) as error:
            raise AwsError(
                "ValidationException", f"Could not find model data at {container['ModelDataUrl']}."
            ) from error
        return container | {"ModelDataETag": head["ETag"].strip('"')}


def check_metadata(properties: dict[str, str]) -> None:
    """Raises ValidationException where CustomerMetadataProperties pass a limit of the registry."""
    if len(properties) > MAX_METADATA_PROPERTIES:
        raise AwsError(
            "ValidationException",
            f"CustomerMetadataProperties has {len(properties)} entries; at most {MAX_METADATA_PROPERTIES} are allowed",
        )
    for key, value in properties.items():
        for what, text, longest in (("key", key, MAX_METADATA_KEY_LENGTH), ("value", value, MAX_METADATA_VALUE_LENGTH)):
            if not 1 <= len(text) <= longest:
                raise AwsError(
                    "ValidationException",
                    f"CustomerMetadataProperties: the {what} of {key[:40]!r} has {len(text)} characters; expected 1 to "
                    f"{longest}",
                )
            if wrong := sorted({character for character in text if not _allowed(character)}):
                raise AwsError(
                    "ValidationException",
                    f"CustomerMetadataProperties: the {what} of {key[:40]!r} holds {''.join(wrong)!r}; allowed are "
                    "letters, digits, spaces and _ . : / = + - @",
                )


def check_model_card(card: dict | None) -> None:
    """Raises ValidationException where the content of a package's model card does not follow its schema."""
    if card is None or "ModelCardContent" not in card:
        return
    try:
        content = json.loads(card["ModelCardContent"])
    except json.JSONDecodeError as error:
        raise AwsError("ValidationException", f"ModelCardContent is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise AwsError("ValidationException", f"ModelCardContent is {type(content).__name__}; expected an object")
    _check_keys("ModelCardContent", content, set(CARD_SECTIONS))
    for section, known in CARD_SECTIONS.items():
        found = content.get(section, {})
        for part in found if isinstance(found, list) else [found]:
            if not isinstance(part, dict):
                raise AwsError("ValidationException", f"ModelCardContent: {section} is no object")
            _check_keys(f"ModelCardContent: {section}", part, known)
    rating = content.get("intended_uses", {}).get("risk_rating", "Unknown")
    if rating not in ("High", "Medium", "Low", "Unknown"):
        raise AwsError("ValidationException", f"ModelCardContent: risk_rating is {rating!r}")


def _check_keys(where: str, found: dict, known: set[str]) -> None:
    if unknown := sorted(set(found) - known):
        raise AwsError(
            "ValidationException",
            f"{where} holds {', '.join(unknown)}; a package's card may hold {', '.join(sorted(known))}",
        )


def _allowed(character: str) -> bool:
    """The registry's pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]."""
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN"


def _user(caller: Caller) -> dict:
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.access_key_id}}
