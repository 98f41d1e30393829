"""Endpoint configs, by themselves."""

import pytest
from moto.utilities.tagging_service import TaggingService

from emulator.core.errors import AwsError
from emulator.sagemaker.hosting.configs import ABSENT_IN_CONFIG, EndpointConfigs
from emulator.sagemaker.hosting.records import Record

VARIANT = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


class OneModel:
    """Stands for the models: there is one of each name."""

    def find(self, name):
        return Record(f"arn:{name}", None, {"ExecutionRoleArn": "role-of-the-model"})


@pytest.fixture
def configs(cloud):
    return EndpointConfigs(cloud, TaggingService(), OneModel())


def request_of(*variants, **members) -> dict:
    return {"EndpointConfigName": "c", "ProductionVariants": list(variants or [VARIANT])} | members


@pytest.mark.parametrize("member", ABSENT_IN_CONFIG)
def test_what_is_not_emulated_is_refused_by_name(configs, member):
    with pytest.raises(AwsError, match=f"CreateEndpointConfig with {member} is not emulated"):
        configs.create_endpoint_config(request_of(**{member: {"x": 1}}), None)


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ([VARIANT, VARIANT], "Variant names must be unique"),
        ([{"VariantName": "v", "ModelName": "m"}], "needs InstanceType and InitialInstanceCount or ServerlessConfig"),
        ([{"VariantName": "v"}], "A production variant without ModelName"),
    ],
)
def test_a_variant_names_model_and_instances(configs, variants, said):
    with pytest.raises(AwsError, match=said):
        configs.create_endpoint_config(request_of(*variants), None)


def test_the_role_of_an_endpoint_is_the_configs_or_else_the_models(configs):
    configs.create_endpoint_config(request_of(), None)
    assert (configs.role_of("c"), configs.instance_count("c")) == ("role-of-the-model", 2)
    configs.create_endpoint_config(request_of(ExecutionRoleArn="own") | {"EndpointConfigName": "d"}, None)
    assert configs.role_of("d") == "own"


def test_data_capture_is_recorded_as_stopped(configs):
    capture = {"EnableCapture": True, "InitialSamplingPercentage": 5, "DestinationS3Uri": "s3://b"}
    configs.create_endpoint_config(request_of(DataCaptureConfig=capture), None)
    assert configs.data_capture("c")["CaptureStatus"] == "Stopped"
    assert configs.data_capture("absent") is None
