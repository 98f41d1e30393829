"""What a processing job may ask for."""

import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.processing.requests import check_local_path, check_supported


def request_of(**members) -> dict:
    return {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["true"]},
    } | members


def given(**source) -> dict:
    return {"InputName": "raw", "S3Input": {"S3DataType": "S3Prefix", "LocalPath": "/opt/ml/processing/raw"} | source}


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"AppSpecification": {"ImageUri": "i"}}, "an image's own entry point"),
        ({"ProcessingInputs": [given(S3DataType="ManifestFile")]}, "input raw: S3DataType ManifestFile"),
        ({"ProcessingInputs": [given(S3InputMode="Pipe")]}, "input raw: S3InputMode Pipe"),
        ({"ProcessingInputs": [given(S3CompressionType="Gzip")]}, "input raw: S3CompressionType Gzip"),
        ({"ProcessingOutputConfig": {"Outputs": [{"OutputName": "o"}]}}, "output o: anything but S3Output"),
    ],
)
def test_the_first_thing_that_is_not_emulated_is_named(members, named):
    check_supported(request_of(ProcessingInputs=[given()]))
    with pytest.raises(AwsError, match=named) as refusal:
        check_supported(request_of(**members))
    assert refusal.value.status == 501


@pytest.mark.parametrize("path", ["/opt/ml/processing", "/opt/ml/model", "/opt/ml/processing/../x", "relative", ""])
def test_inputs_and_outputs_lie_below_the_processing_directory(path):
    check_local_path("input a", "/opt/ml/processing/a")
    with pytest.raises(AwsError, match="expected a path below /opt/ml/processing/"):
        check_local_path("input a", path)
