"""Model package groups, by themselves."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.sagemaker.registry.groups import Groups

CALLER = Caller("arn:aws:iam::123456789012:root", None, "AKIA")


@pytest.fixture
def groups(cloud):
    made = Groups(cloud, TaggingService())
    made.create_model_package_group({"ModelPackageGroupName": "g"}, CALLER)
    return made


def test_a_group_is_found_by_name_and_by_arn(groups, cloud):
    assert groups.find("g") is groups.find(cloud.arn("sagemaker", "model-package-group/g"))
    with pytest.raises(AwsError, match="model-package-group/absent does not exist"):
        groups.find("absent")


def test_a_group_goes_once_its_last_package_went_and_its_numbers_are_not_given_twice(groups):
    assert (groups.add_version("g"), groups.add_version("g")) == (1, 2)
    groups.remove_version("g")
    with pytest.raises(AwsError, match="still contains Model Packages"):
        groups.delete_model_package_group({"ModelPackageGroupName": "g"}, CALLER)
    groups.remove_version("g")
    groups.delete_model_package_group({"ModelPackageGroupName": "g"}, CALLER)
    groups.create_model_package_group({"ModelPackageGroupName": "g"}, CALLER)
    assert groups.add_version("g") == 3


def test_groups_of_other_accounts_are_none(groups):
    request = {"CrossAccountFilterOption": "CrossAccount"}
    assert groups.list_model_package_groups(request, CALLER) == {"ModelPackageGroupSummaryList": []}
    assert len(groups.list_model_package_groups({}, CALLER)["ModelPackageGroupSummaryList"]) == 1


def test_a_policy_is_json(groups):
    with pytest.raises(AwsError, match="ResourcePolicy is not valid JSON"):
        groups.put_model_package_group_policy({"ModelPackageGroupName": "g", "ResourcePolicy": "{"}, CALLER)
