"""Models, by themselves."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.errors import AwsError
from emulator.sagemaker.hosting.models import Models


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "Found neither PrimaryContainer nor Containers"),
        ({"Containers": [{"Image": "a"}, {"Image": "b"}]}, "several containers"),
        ({"PrimaryContainer": {"Image": "i", "Mode": "MultiModel"}}, "multi-model container"),
        ({"PrimaryContainer": {"Environment": {}}}, "A container needs Image or ModelPackageName"),
        ({"PrimaryContainer": {"Image": "i"}}, "ExecutionRoleArn is required"),
    ],
)
def test_what_a_model_lacks_or_may_not_have_is_said(cloud, members, said):
    with pytest.raises(AwsError, match=said):
        Models(cloud, TaggingService()).create_model({"ModelName": "m", **members}, None)
