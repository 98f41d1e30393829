"""What a model package may hold."""

import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.registry.checks import check_metadata, check_model_card


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({f"key{number}": "v" for number in range(51)}, "51 entries"),
        ({"key": "v" * 257}, "257 characters"),
        ({"key": ""}, "0 characters"),
        ({"k" * 129: "v"}, "129 characters"),
        ({"key": '{"json": 1}'}, "holds '\"{}'"),
        ({"key\n": "v"}, "allowed are"),
    ],
)
def test_metadata_beyond_the_limits_of_the_registry_is_refused(properties, reason):
    with pytest.raises(AwsError, match=reason):
        check_metadata(properties)


def test_metadata_within_the_limits_passes():
    check_metadata({f"key{number}": "Ä 1_.:/=+-@" for number in range(50)} | {})
    check_metadata({"k" * 128: "v" * 256})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "ModelCardContent is not valid JSON"),
        ("[]", "ModelCardContent is list; expected an object"),
        ('{"overview": {}}', "ModelCardContent holds overview; a package"),
        ('{"model_overview": {"model_name": "m"}}', "model_overview holds model_name"),
        ('{"evaluation_details": [{"name": "a"}, {"score": 1}]}', "evaluation_details holds score"),
        ('{"training_details": "none"}', "training_details is no object"),
        ('{"intended_uses": {"risk_rating": "low"}}', "risk_rating is 'low'"),
    ],
)
def test_a_model_card_that_breaks_its_schema_is_refused(content, message):
    with pytest.raises(AwsError, match=message):
        check_model_card({"ModelCardContent": content, "ModelCardStatus": "Draft"})
