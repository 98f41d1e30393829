"""What an endpoint runs right now, as SageMaker says it, not as a state file remembers it."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from release.jobs import is_not_found


@dataclass(frozen=True)
class LiveRelease:
    """The release behind an endpoint."""

    status: str
    """EndpointStatus, for example InService."""
    config_name: str
    package_arn: str
    configured_instance_count: int
    """As in the endpoint config."""
    running_instance_count: int
    """As scaled right now."""
    failure_reason: str
    """Of the last creation or update; otherwise empty."""


def read_live(endpoint_name: str, sagemaker) -> LiveRelease | None:
    """Follow endpoint -> config -> model -> package; None where there is no endpoint."""
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    variant = config["ProductionVariants"][0]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    running = (endpoint.get("ProductionVariants") or [{}])[0].get("CurrentInstanceCount")
    return LiveRelease(
        status=endpoint["EndpointStatus"],
        config_name=endpoint["EndpointConfigName"],
        package_arn=container.get("ModelPackageName", ""),
        configured_instance_count=variant["InitialInstanceCount"],
        running_instance_count=running or variant["InitialInstanceCount"],
        failure_reason=endpoint.get("FailureReason", ""),
    )
