"""What a processing job may ask for."""

from __future__ import annotations

import os

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.job import unsupported


def check_supported(request: dict) -> None:
    """Raises an error that names the first thing in a request that this emulator does not do."""
    operation = "CreateProcessingJob"
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstancePreferences"):
        raise unsupported(operation, "ClusterConfig.InstancePreferences")
    if not cluster.get("InstanceType", "").startswith("ml.") or cluster.get("InstanceCount", 0) < 1:
        raise AwsError("ValidationException", "ClusterConfig: InstanceType and an InstanceCount of 1 or more expected")
    if "ContainerEntrypoint" not in request["AppSpecification"]:
        raise unsupported(operation, "an image's own entry point (AppSpecification without ContainerEntrypoint)")
    for given in request.get("ProcessingInputs", []):
        _check_input(given)
    for given in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in given or given.get("AppManaged"):
            raise unsupported(operation, f"output {given['OutputName']}: anything but S3Output")
        check_local_path(f"output {given['OutputName']}", given["S3Output"].get("LocalPath", ""))


def _check_input(given: dict) -> None:
    name = given["InputName"]
    source = given.get("S3Input")
    if source is None or given.get("AppManaged"):
        raise unsupported("CreateProcessingJob", f"input {name}: anything but S3Input")
    if source["S3DataType"] != "S3Prefix":
        raise unsupported("CreateProcessingJob", f"input {name}: S3DataType {source['S3DataType']}")
    if source.get("S3InputMode", "File") != "File":
        raise unsupported("CreateProcessingJob", f"input {name}: S3InputMode {source['S3InputMode']}")
    if source.get("S3CompressionType", "None") != "None":
        raise unsupported("CreateProcessingJob", f"input {name}: S3CompressionType {source['S3CompressionType']}")
    check_local_path(f"input {name}", source.get("LocalPath", ""))


def check_local_path(what: str, path: str) -> None:
    """Raises ValidationException unless the path lies below /opt/ml/processing, which SageMaker demands."""
    if not os.path.normpath(path).startswith("/opt/ml/processing/"):
        raise AwsError(
            "ValidationException",
            f"{what}: LocalPath {path!r} is not valid; expected a path below /opt/ml/processing/",
        )
