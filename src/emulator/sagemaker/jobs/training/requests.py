"""What a training job may ask for, and what its request says of channels and results."""

from __future__ import annotations

import re

from emulator.core.errors import AwsError
from emulator.core.locations import Location, parse_location
from emulator.sagemaker.jobs.job import unsupported

DEFAULT_MAX_RUNTIME_SECONDS = 86_400


def check_supported(request: dict) -> None:
    """Raises an error that names the first thing in a request that this emulator does not do."""
    operation = "CreateTrainingJob"
    for name in ("ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig", "SessionChainingConfig"):
        if name in request:
            raise unsupported(operation, name)
    if "AlgorithmSpecification" not in request or "ResourceConfig" not in request:
        raise AwsError("ValidationException", "AlgorithmSpecification and ResourceConfig are required.")

    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    image = algorithm.get("TrainingImage", "")
    if not image:
        raise unsupported(operation, "training without TrainingImage (AlgorithmName)")
    if "pytorch" not in image and "ContainerEntrypoint" not in algorithm:
        raise unsupported(operation, f"image {image} (PyTorch and Hugging Face PyTorch images are)")
    for name in ("InstanceGroups", "TrainingPlanArn", "InstancePlacementConfig", "InstancePreferences"):
        if resources.get(name):
            raise unsupported(operation, f"ResourceConfig.{name}")
    if not re.match(r"ml\.", resources.get("InstanceType", "")) or resources.get("InstanceCount", 0) < 1:
        raise AwsError("ValidationException", "ResourceConfig: InstanceType and an InstanceCount of 1 or more expected")

    for channel in request.get("InputDataConfig", []):
        _check_channel(channel, algorithm["TrainingInputMode"])


def _check_channel(channel: dict, default_mode: str) -> None:
    name = channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise unsupported("CreateTrainingJob", f"channel {name}: a data source other than S3")
    if source["S3DataType"] != "S3Prefix":
        raise unsupported("CreateTrainingJob", f"channel {name}: S3DataType {source['S3DataType']}")
    mode = channel.get("InputMode", default_mode)
    if mode != "File":
        raise unsupported("CreateTrainingJob", f"channel {name}: input mode {mode}")
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member, "None") != "None":
            raise unsupported("CreateTrainingJob", f"channel {name}: {member} {channel[member]}")


def check_times(request: dict) -> None:
    """Raises ValidationException where the times of a managed spot job don't fit."""
    condition = request.get("StoppingCondition", {})
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS, **condition}
    max_wait = condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if max_wait is None or max_wait < request["StoppingCondition"]["MaxRuntimeInSeconds"]:
            raise AwsError(
                "ValidationException",
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
            )
    elif max_wait is not None:
        raise AwsError("ValidationException", "MaxWaitTimeInSeconds is only for managed spot training")


def channel_config(channel: dict) -> dict:
    """A channel's entry in inputdataconfig.json."""
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
    }
    return config | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})


def output_location(request: dict) -> Location:
    """Where the results of a job go."""
    location = parse_location(request["OutputDataConfig"]["S3OutputPath"])
    return location.below(request["TrainingJobName"])


def model_name(request: dict) -> tuple[str, str]:
    """Where its model lies below that."""
    compress = request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP"
    return ("output", "model.tar.gz" if compress else "model")
