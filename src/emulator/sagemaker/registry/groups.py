"""Model package groups and their policies, and the count of versions of each."""

from __future__ import annotations

import json
import threading

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing


class Groups:
    """The operations on model package groups."""

    def __init__(self, cloud: Cloud, tags: TaggingService):
        self._cloud = cloud
        self._tags = tags
        self.lock = threading.RLock()  # of the whole registry: a group with packages can't be deleted
        self._groups: dict[str, dict] = {}  # by name; what DescribeModelPackageGroup answers
        self._policies: dict[str, str] = {}  # by group name
        self._last_version: dict[str, int] = {}  # by group name; a version is never given twice
        self._sizes: dict[str, int] = {}  # packages by group name

    def create_model_package_group(self, request: dict, caller: Caller) -> dict:
        name = request["ModelPackageGroupName"]
        arn = self._cloud.arn("sagemaker", f"model-package-group/{name}")
        with self.lock:
            if name in self._groups:
                raise AwsError("ValidationException", f"Model Package Group already exists: {arn}")
            self._groups[name] = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": arn,
                "ModelPackageGroupDescription": request.get("ModelPackageGroupDescription"),
                "CreationTime": self._cloud.now(),
                "CreatedBy": user(caller),
                "ModelPackageGroupStatus": "Completed",
                "ManagedConfiguration": request.get("ManagedConfiguration"),
            }
            self._tags.tag_resource(arn, request.get("Tags", []))
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, request: dict, caller: Caller) -> dict:
        return self.find(request["ModelPackageGroupName"])

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
        with self.lock:
            group = self.find(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            if self._sizes.get(name):
                raise AwsError(
                    "ConflictException",
                    f"Model Package Group cannot be deleted because it still contains Model Packages: {name}",
                )
            del self._groups[name]
            self._policies.pop(name, None)
            self._tags.delete_all_tags_for_resource(group["ModelPackageGroupArn"])

    def put_model_package_group_policy(self, request: dict, caller: Caller) -> dict:
        group = self.find(request["ModelPackageGroupName"])
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
        group = self.find(group_name)
        if group["ModelPackageGroupName"] not in self._policies:
            raise AwsError("ValidationException", f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
        return self._policies[group["ModelPackageGroupName"]]

    def find(self, name_or_arn: str) -> dict:
        """What DescribeModelPackageGroup answers. Raises ValidationException where there is no such group."""
        name = name_or_arn.rpartition("/")[2]
        if name not in self._groups:
            arn = self._cloud.arn("sagemaker", f"model-package-group/{name}")
            raise AwsError("ValidationException", f"Cannot find Model Package Group: {arn} does not exist")
        return self._groups[name]

    def add_version(self, name: str) -> int:
        """The number of a new package of the group."""
        with self.lock:
            self._sizes[name] = self._sizes.get(name, 0) + 1
            self._last_version[name] = self._last_version.get(name, 0) + 1
            return self._last_version[name]

    def remove_version(self, name: str) -> None:
        """A package of the group was deleted."""
        with self.lock:
            self._sizes[name] -= 1


def user(caller: Caller) -> dict:
    """CreatedBy and LastModifiedBy."""
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.access_key_id}}
