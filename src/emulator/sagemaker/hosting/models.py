"""Models of SageMaker: the operations, and the container that a model is."""

from __future__ import annotations

from botocore.exceptions import ClientError
from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import parse_location
from emulator.iam.roles import check_role
from emulator.sagemaker.hosting.fleet import Container
from emulator.sagemaker.hosting.records import Record, Records, absent, invalid


class Models:
    """CreateModel, DescribeModel, ListModels, DeleteModel."""

    def __init__(self, cloud: Cloud, tags: TaggingService):
        self._cloud = cloud
        self._records = Records(cloud, tags, "model", "model")

    def create_model(self, request: dict, caller: Caller) -> dict:
        container = self._container(request)
        self._refuse_unapproved_package(request)
        if "ExecutionRoleArn" not in request:
            raise invalid("ExecutionRoleArn is required: the model is fetched, and its logs are written, as this role.")
        check_role(self._cloud, "sagemaker", request["ExecutionRoleArn"])
        if container.model_data_url:
            self._check_model_data(container.model_data_url, request["ExecutionRoleArn"])
        return {"ModelArn": self._records.add(request["ModelName"], request).arn}

    def describe_model(self, request: dict, caller: Caller) -> dict:
        record = self.find(request["ModelName"])
        return {
            "EnableNetworkIsolation": False,
            **record.request,
            "ModelArn": record.arn,
            "CreationTime": record.created,
        }

    def list_models(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(name, record.created, {"ModelName": name, "ModelArn": record.arn, "CreationTime": record.created})
            for name, record in self._records.items()
        ]
        return listing(entries, request, "Models", default_order="Descending")

    def delete_model(self, request: dict, caller: Caller) -> dict:
        self._records.remove(request["ModelName"])
        return {}

    def find(self, name: str) -> Record:
        """The model. Raises ValidationException where there is none."""
        return self._records.find(name)

    def container(self, name: str) -> Container:
        """What a model hosts. Raises AwsError where there is no such model, or its package is gone."""
        return self._container(self.find(name).request)

    def _container(self, model: dict) -> Container:
        """What a CreateModel request hosts. Raises AwsError for what is malformed or not emulated."""
        containers = _containers(model)
        if not containers:
            raise invalid("Found neither PrimaryContainer nor Containers; a model needs one of them.")
        if len(containers) > 1:
            raise absent("A model of several containers (an inference pipeline)")
        container = containers[0]
        if container.get("Mode") == "MultiModel":
            raise absent("A multi-model container")

        hostname = "primary" if "PrimaryContainer" in model else "model"
        environment, url, image = (
            container.get("Environment", {}),
            container.get("ModelDataUrl"),
            container.get("Image"),
        )
        if "ModelDataSource" in container:
            source = container["ModelDataSource"]["S3DataSource"]
            if source["CompressionType"] != "Gzip":
                raise absent("A model data source that is not one gzip archive")
            url = source["S3Uri"]

        if "ModelPackageName" in container:
            package = self._packaged_container(container["ModelPackageName"])
            environment = {**package.get("Environment", {}), **environment}
            url, image = url or package.get("ModelDataUrl"), image or package.get("Image")
        elif image is None:
            raise invalid("A container needs Image or ModelPackageName.")
        return Container(hostname, image, url, environment)

    def _described_package(self, package_name: str) -> dict:
        try:
            return self._cloud.client("sagemaker").describe_model_package(ModelPackageName=package_name)
        except ClientError as error:
            raise invalid(error.response["Error"]["Message"]) from error

    def _refuse_unapproved_package(self, model: dict) -> None:
        """A version of a model package group must be Approved to be deployed, as CreateModelPackage documents."""
        for container in _containers(model):
            if "ModelPackageName" not in container:
                continue
            package = self._described_package(container["ModelPackageName"])
            if package.get("ModelPackageVersion") and package["ModelApprovalStatus"] != "Approved":
                raise invalid(
                    f"Model package {package['ModelPackageArn']} has the approval status "
                    f"{package['ModelApprovalStatus']}; a versioned model package must be Approved to be deployed."
                )

    def _packaged_container(self, package_name: str) -> dict:
        package = self._described_package(package_name)
        containers = package["InferenceSpecification"]["Containers"]
        if len(containers) > 1:
            raise absent("A model package of several containers (an inference pipeline)")
        return containers[0]

    def _check_model_data(self, url: str, role_arn: str) -> None:
        """AWS looks for the archive, with the role's rights, before it makes a model."""
        try:
            location = parse_location(url)
            s3 = self._cloud.client("s3", role_arn=role_arn, session_name="SageMaker")
            s3.head_object(Bucket=location.bucket, Key=location.key)
        except (ClientError, AwsError, ValueError) as error:
            raise invalid(
                f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its '
                'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                f"object is located in {self._cloud.region}."
            ) from error


def _containers(model: dict) -> list[dict]:
    return model.get("Containers") or ([model["PrimaryContainer"]] if "PrimaryContainer" in model else [])
