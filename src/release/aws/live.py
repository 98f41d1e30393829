"""What an endpoint runs right now, as SageMaker says it, not as a state file remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# Of a model's environment, set by terraform/endpoint: our models are made from a package's image and archive,
# and DescribeModel does not tell where those came from
PACKAGE_VARIABLE = "MODEL_PACKAGE_ARN"


@dataclass(frozen=True)
class LiveRelease:
    """The release behind an endpoint."""

    status: str
    """EndpointStatus, for example InService."""
    config_name: str
    package_arn: str
    """The package that the model was made from, as the model's environment names it; empty where it names none."""
    image_uri: str
    model_data_uri: str
    """s3:// of its archive."""
    configured_instance_count: int
    """As in the endpoint config."""
    running_instance_count: int
    """As scaled right now."""
    failure_reason: str
    """Of the last creation or update; otherwise empty."""

    @property
    def serving_package_arn(self) -> str | None:
        """The package that answers; None where none does: an endpoint that never came up serves nobody."""
        return None if self.status in ("Creating", "Failed", "Deleting") else self.package_arn or None


def read_live(endpoint_name: str, sagemaker: SageMakerClient) -> LiveRelease | None:
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
    variants = endpoint.get("ProductionVariants")
    running = variants[0].get("CurrentInstanceCount") if variants else None

    return LiveRelease(
        status=endpoint["EndpointStatus"],
        config_name=endpoint["EndpointConfigName"],
        package_arn=container.get("Environment", {}).get(PACKAGE_VARIABLE, ""),
        image_uri=container.get("Image", ""),
        model_data_uri=container.get("ModelDataUrl", ""),
        configured_instance_count=variant["InitialInstanceCount"],
        running_instance_count=running or variant["InitialInstanceCount"],
        failure_reason=endpoint.get("FailureReason", ""),
    )
