"""What a training job may ask for."""

import pytest

from emulator.core.errors import AwsError
from emulator.core.locations import Location
from emulator.sagemaker.jobs.training.requests import (
    channel_config,
    check_supported,
    check_times,
    model_name,
    output_location,
)


def request_of(**members) -> dict:
    return {
        "TrainingJobName": "j",
        "AlgorithmSpecification": {"TrainingImage": "registry/pytorch:1", "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    } | members


def channel(**members) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/data"}
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}} | members


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"ServerlessJobConfig": {}}, "ServerlessJobConfig"),
        ({"AlgorithmSpecification": {"AlgorithmName": "x"}}, "training without TrainingImage"),
        ({"AlgorithmSpecification": {"TrainingImage": "registry/xgboost:1"}}, "image registry/xgboost:1"),
        ({"ResourceConfig": {"InstanceGroups": [{}]}}, "ResourceConfig.InstanceGroups"),
        ({"InputDataConfig": [channel(DataSource={})]}, "channel train: a data source other than S3"),
        ({"InputDataConfig": [channel(InputMode="Pipe")]}, "channel train: input mode Pipe"),
        ({"InputDataConfig": [channel(CompressionType="Gzip")]}, "channel train: CompressionType Gzip"),
    ],
)
def test_the_first_thing_that_is_not_emulated_is_named(members, named):
    check_supported(request_of(InputDataConfig=[channel()]))
    with pytest.raises(AwsError, match=named) as refusal:
        check_supported(request_of(**members))
    assert refusal.value.status == 501


@pytest.mark.parametrize("resources", [{}, {"InstanceType": "m5.large", "InstanceCount": 1}, {"InstanceType": "ml.x"}])
def test_a_job_needs_an_instance_type_and_a_number_of_instances(resources):
    with pytest.raises(AwsError, match="InstanceType and an InstanceCount of 1 or more expected"):
        check_supported(request_of(ResourceConfig=resources))


def test_the_times_of_a_job_have_a_default_and_must_fit_each_other():
    request = {}
    check_times(request)
    assert request == {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}}
    with pytest.raises(AwsError, match="only for managed spot training"):
        check_times({"StoppingCondition": {"MaxWaitTimeInSeconds": 5}})
    for condition in ({"MaxRuntimeInSeconds": 5}, {"MaxRuntimeInSeconds": 5, "MaxWaitTimeInSeconds": 4}):
        with pytest.raises(AwsError, match="Invalid MaxWaitTimeInSeconds"):
            check_times({"EnableManagedSpotTraining": True, "StoppingCondition": condition})


def test_results_lie_below_the_name_of_the_job():
    assert output_location(request_of()) == Location("b", "out/j")
    assert model_name(request_of()) == ("output", "model.tar.gz")
    plain = request_of(OutputDataConfig={"S3OutputPath": "s3://b", "CompressionType": "NONE"})
    assert model_name(plain) == ("output", "model")


def test_a_channel_is_described_to_the_toolkit():
    found = channel_config(channel(ContentType="text/csv"))
    assert (found["TrainingInputMode"], found["S3DistributionType"]) == ("File", "FullyReplicated")
    assert found["ContentType"] == "text/csv"
    assert "ContentType" not in channel_config(channel())
