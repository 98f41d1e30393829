"""Records of models and endpoint configs."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.errors import AwsError
from emulator.sagemaker.hosting.records import Records, absent


def test_a_record_is_kept_with_its_tags_until_it_is_removed(cloud):
    tags = TaggingService()
    records = Records(cloud, tags, "endpoint-config", "endpoint configuration")
    record = records.add("c", {"a": 1, "Tags": [{"Key": "k", "Value": "v"}]})
    assert (record.arn, record.request) == (cloud.arn("sagemaker", "endpoint-config/c"), {"a": 1})
    assert records.find("c") is records.get("c") is record
    assert tags.get_tag_dict_for_resource(record.arn) == {"k": "v"}
    with pytest.raises(AwsError, match="Cannot create already existing endpoint configuration"):
        records.add("c", {})
    records.remove("c")
    assert not tags.has_tags(record.arn)
    assert (records.get("c"), records.items()) == (None, [])
    for call in (records.find, records.remove):
        with pytest.raises(AwsError, match='Could not find endpoint configuration "arn:aws:sagemaker'):
            call("c")


def test_what_is_absent_points_to_the_list_of_what_is_there():
    error = absent("A multi-model container")
    assert (error.status, "docs/emulator.md" in error.message) == (501, True)
