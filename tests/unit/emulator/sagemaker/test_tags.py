"""Tags of SageMaker resources."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.sagemaker.tags import TagOperations

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/tagged"


@pytest.fixture
def kept():
    return TaggingService()


@pytest.fixture
def tags(kept):
    return TagOperations(kept)


def test_tags_are_added_changed_and_listed_by_key(tags):
    tags.add_tags({"ResourceArn": ARN, "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "1"}]}, None)
    answer = tags.add_tags({"ResourceArn": ARN, "Tags": [{"Key": "b", "Value": "2"}]}, None)
    assert answer["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    tags.delete_tags({"ResourceArn": ARN, "TagKeys": ["a", "absent"]}, None)
    assert tags.list_tags({"ResourceArn": ARN}, None) == {"Tags": [{"Key": "b", "Value": "2"}]}


def test_a_resource_without_tags_has_none_and_takes_its_tags_along(tags, kept):
    assert tags.list_tags({"ResourceArn": ARN}, None) == {"Tags": []}
    tags.delete_tags({"ResourceArn": ARN, "TagKeys": ["a"]}, None)
    tags.add_tags({"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "1"}]}, None)
    kept.delete_all_tags_for_resource(ARN)
    assert tags.list_tags({"ResourceArn": ARN}, None) == {"Tags": []}
