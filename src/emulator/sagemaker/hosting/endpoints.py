"""Models, endpoint configs and endpoints of SageMaker: the operations, and what Describe answers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import Entry, listing
from emulator.core.locations import parse_location
from emulator.iam.roles import check_role
from emulator.sagemaker.hosting.deployment import Deployment, Endpoint, Hosting, Variant
from emulator.sagemaker.hosting.fleet import Container, Fleet
from emulator.sagemaker.hosting.metrics import EndpointMetrics, Invocation
from emulator.sagemaker.hosting.rollout import plan

# What a config or model may ask for that is not emulated, and would otherwise seem to work.
ABSENT_IN_CONFIG = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "CrossRegionTrafficConfig")
ABSENT_IN_VARIANT = ("InstancePools",)
IN_PROGRESS = {"Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"}


@dataclass(frozen=True)
class Record:
    """A model or an endpoint config, as it was sent."""

    arn: str
    created: datetime
    request: dict  # without Tags


class EndpointOperations:
    """CreateModel ... DeleteEndpoint. Mixed into the service class of SageMaker, beside TagOperations."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self._models: dict[str, Record] = {}
        self._configs: dict[str, Record] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._endpoint_lock = threading.RLock()
        self.endpoint_metrics = EndpointMetrics(cloud)
        self._hosting = Hosting(cloud, self.endpoint_metrics)
        cloud.on_shutdown(self._stop_endpoints)

    # Models

    def create_model(self, request: dict, caller: Caller) -> dict:
        name = request["ModelName"]
        arn = self.cloud.arn("sagemaker", f"model/{name}")
        container = self._container(request)
        self._refuse_unapproved_package(request)
        if "ExecutionRoleArn" not in request:
            raise _invalid(
                "ExecutionRoleArn is required: the model is fetched, and its logs are written, as this role."
            )
        check_role(self.cloud, "sagemaker", request["ExecutionRoleArn"])
        if container.model_data_url:
            self._check_model_data(container.model_data_url, request["ExecutionRoleArn"])
        self._remember(self._models, name, arn, request, "model")
        return {"ModelArn": arn}

    def describe_model(self, request: dict, caller: Caller) -> dict:
        record = self._model(request["ModelName"])
        return {
            "EnableNetworkIsolation": False,
            **record.request,
            "ModelArn": record.arn,
            "CreationTime": record.created,
        }

    def list_models(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(name, record.created, {"ModelName": name, "ModelArn": record.arn, "CreationTime": record.created})
            for name, record in self._models.items()
        ]
        return listing(entries, request, "Models", default_order="Descending")

    def delete_model(self, request: dict, caller: Caller) -> dict:
        self.forget_tags(self._model(request["ModelName"]).arn)
        self._models.pop(request["ModelName"], None)
        return {}

    # Endpoint configs

    def create_endpoint_config(self, request: dict, caller: Caller) -> dict:
        name = request["EndpointConfigName"]
        arn = self.cloud.arn("sagemaker", f"endpoint-config/{name}")
        asked = [member for member in ABSENT_IN_CONFIG if request.get(member)]
        asked += [
            member for variant in request["ProductionVariants"] for member in ABSENT_IN_VARIANT if member in variant
        ]
        if asked:
            raise _absent(f"CreateEndpointConfig with {asked[0]}")
        names = [variant["VariantName"] for variant in request["ProductionVariants"]]
        if len(set(names)) < len(names):
            raise _invalid(f"Variant names must be unique within an endpoint config, found {names}.")
        for variant in request["ProductionVariants"]:
            if "ModelName" not in variant:
                raise _absent("A production variant without ModelName (inference components)")
            if "ServerlessConfig" not in variant and not variant.keys() >= {"InstanceType", "InitialInstanceCount"}:
                raise _invalid(
                    f"Variant {variant['VariantName']} needs InstanceType and InitialInstanceCount or ServerlessConfig."
                )
            self._model(variant["ModelName"])
        self._remember(self._configs, name, arn, request, "endpoint configuration")
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, request: dict, caller: Caller) -> dict:
        record = self._config(request["EndpointConfigName"])
        return {**record.request, "EndpointConfigArn": record.arn, "CreationTime": record.created}

    def list_endpoint_configs(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(
                name,
                record.created,
                {"EndpointConfigName": name, "EndpointConfigArn": record.arn, "CreationTime": record.created},
            )
            for name, record in self._configs.items()
        ]
        return listing(entries, request, "EndpointConfigs", default_order="Descending")

    def delete_endpoint_config(self, request: dict, caller: Caller) -> dict:
        self.forget_tags(self._config(request["EndpointConfigName"]).arn)
        self._configs.pop(request["EndpointConfigName"], None)
        return {}

    # Endpoints

    def create_endpoint(self, request: dict, caller: Caller) -> dict:
        name = request["EndpointName"]
        arn = self.cloud.arn("sagemaker", f"endpoint/{name}")
        config = self._config(request["EndpointConfigName"])
        plan(request.get("DeploymentConfig"), _instances(config))
        now = self.cloud.now()
        with self._endpoint_lock:
            if name in self._endpoints:
                raise _invalid(f'Cannot create already existing endpoint "{arn}".')
            endpoint = Endpoint(name, arn, request["EndpointConfigName"], created=now, modified=now)
            endpoint.last_deployment_config = request.get("DeploymentConfig")
            self._endpoints[name] = endpoint
        self.remember_tags(arn, request.get("Tags", []))
        self.cloud.background(self._hosting.create, endpoint, lambda: self._deploy(endpoint, config))
        return {"EndpointArn": arn}

    def update_endpoint(self, request: dict, caller: Caller) -> dict:
        endpoint = self.endpoint(request["EndpointName"])
        config = self._config(request["EndpointConfigName"])
        self._config(endpoint.config_name)  # AWS refuses as well when the live config was deleted
        if request.get("RetainDeploymentConfig"):
            deployment_config = endpoint.last_deployment_config
        else:
            deployment_config = request.get("DeploymentConfig")
        kept = _kept_properties(request)
        role_arn = self._role_of(config)
        with self._endpoint_lock:
            self._refuse_unless_idle(endpoint)
            rollout = plan(deployment_config, _instances(config))
            endpoint.last_deployment_config = deployment_config
            endpoint.set_status("Updating", self.cloud.now())
        self.cloud.background(
            self._hosting.update, endpoint, lambda: self._deploy(endpoint, config, kept), rollout, role_arn
        )
        return {"EndpointArn": endpoint.arn}

    def update_endpoint_weights_and_capacities(self, request: dict, caller: Caller) -> dict:
        endpoint = self.endpoint(request["EndpointName"])
        with self._endpoint_lock:
            self._refuse_unless_idle(endpoint)
            wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
            if unknown := sorted(wanted.keys() - endpoint.live.variants.keys()):
                raise _invalid(f"Could not find variants {unknown} in endpoint {endpoint.arn}.")
            endpoint.set_status("Updating", self.cloud.now())
        with endpoint.changed:
            for name, item in wanted.items():
                variant = endpoint.live.variants[name]
                variant.desired_weight = item.get("DesiredWeight", variant.desired_weight)
                variant.desired_instance_count = item.get("DesiredInstanceCount", variant.desired_instance_count)
                if "ServerlessUpdateConfig" in item:
                    variant.serverless = {**(variant.serverless or {}), **item["ServerlessUpdateConfig"]}
        self.cloud.background(self._reach_desired, endpoint)
        return {"EndpointArn": endpoint.arn}

    def describe_endpoint(self, request: dict, caller: Caller) -> dict:
        endpoint = self.endpoint(request["EndpointName"])
        with endpoint.changed:
            answer = {
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "EndpointConfigName": endpoint.config_name,
                "EndpointStatus": endpoint.status,
                "FailureReason": endpoint.failure_reason,
                "CreationTime": endpoint.created,
                "LastModifiedTime": endpoint.modified,
                "LastDeploymentConfig": endpoint.last_deployment_config,
            }
            if endpoint.live is not None:
                answer["ProductionVariants"] = _summaries(endpoint.live)
                answer["DataCaptureConfig"] = self._data_capture(endpoint.config_name)
            if endpoint.pending is not None:
                answer["PendingDeploymentSummary"] = {
                    "EndpointConfigName": endpoint.pending.config_name,
                    "ProductionVariants": _summaries(endpoint.pending, in_progress=True),
                    "StartTime": endpoint.pending.started,
                }
        return answer

    def list_endpoints(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(
                endpoint.name,
                endpoint.created,
                {
                    "EndpointName": endpoint.name,
                    "EndpointArn": endpoint.arn,
                    "CreationTime": endpoint.created,
                    "LastModifiedTime": endpoint.modified,
                    "EndpointStatus": endpoint.status,
                },
                modified=endpoint.modified,
                status=endpoint.status,
            )
            for endpoint in list(self._endpoints.values())
        ]
        return listing(entries, request, "Endpoints", default_order="Descending")

    def delete_endpoint(self, request: dict, caller: Caller) -> dict:
        endpoint = self.endpoint(request["EndpointName"])
        with self._endpoint_lock:
            if endpoint.status in IN_PROGRESS:
                raise _invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
            endpoint.set_status("Deleting", self.cloud.now())
        self.forget_tags(endpoint.arn)
        self.cloud.background(self._remove, endpoint)
        return {}

    # What the runtime asks

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint. Raises AwsError (ValidationException) where there is none."""
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            raise _invalid(f'Could not find endpoint "{self.cloud.arn("sagemaker", f"endpoint/{name}")}".')
        return endpoint

    def record_invocation(self, invocation: Invocation) -> None:
        self.endpoint_metrics.record(invocation)

    # Inside

    def _remember(self, records: dict[str, Record], name: str, arn: str, request: dict, kind: str) -> None:
        members = {member: value for member, value in request.items() if member != "Tags"}
        with self._endpoint_lock:
            if name in records:
                raise _invalid(f'Cannot create already existing {kind} "{arn}".')
            records[name] = Record(arn, self.cloud.now(), members)
        self.remember_tags(arn, request.get("Tags", []))

    def _model(self, name: str) -> Record:
        if name not in self._models:
            raise _invalid(f'Could not find model "{self.cloud.arn("sagemaker", f"model/{name}")}".')
        return self._models[name]

    def _config(self, name: str) -> Record:
        if name not in self._configs:
            arn = self.cloud.arn("sagemaker", f"endpoint-config/{name}")
            raise _invalid(f'Could not find endpoint configuration "{arn}".')
        return self._configs[name]

    def _container(self, model: dict) -> Container:
        """What a CreateModel request hosts. Raises AwsError for what is malformed or not emulated."""
        containers = _containers(model)
        if not containers:
            raise _invalid("Found neither PrimaryContainer nor Containers; a model needs one of them.")
        if len(containers) > 1:
            raise _absent("A model of several containers (an inference pipeline)")
        container = containers[0]
        if container.get("Mode") == "MultiModel":
            raise _absent("A multi-model container")
        hostname = "primary" if "PrimaryContainer" in model else "model"
        environment, url, image = (
            container.get("Environment", {}),
            container.get("ModelDataUrl"),
            container.get("Image"),
        )
        if "ModelDataSource" in container:
            source = container["ModelDataSource"]["S3DataSource"]
            if source["CompressionType"] != "Gzip":
                raise _absent("A model data source that is not one gzip archive")
            url = source["S3Uri"]
        if "ModelPackageName" in container:
            package = self._packaged_container(container["ModelPackageName"])
            environment = {**package.get("Environment", {}), **environment}
            url, image = url or package.get("ModelDataUrl"), image or package.get("Image")
        elif image is None:
            raise _invalid("A container needs Image or ModelPackageName.")
        return Container(hostname, image, url, environment)

    def _described_package(self, package_name: str) -> dict:
        try:
            return self.cloud.client("sagemaker").describe_model_package(ModelPackageName=package_name)
        except ClientError as error:
            raise _invalid(error.response["Error"]["Message"]) from error

    def _refuse_unapproved_package(self, model: dict) -> None:
        """A version of a model package group must be Approved to be deployed, as CreateModelPackage documents."""
        for container in _containers(model):
            if "ModelPackageName" not in container:
                continue
            package = self._described_package(container["ModelPackageName"])
            if package.get("ModelPackageVersion") and package["ModelApprovalStatus"] != "Approved":
                raise _invalid(
                    f"Model package {package['ModelPackageArn']} has the approval status "
                    f"{package['ModelApprovalStatus']}; a versioned model package must be Approved to be deployed."
                )

    def _packaged_container(self, package_name: str) -> dict:
        package = self._described_package(package_name)
        containers = package["InferenceSpecification"]["Containers"]
        if len(containers) > 1:
            raise _absent("A model package of several containers (an inference pipeline)")
        return containers[0]

    def _check_model_data(self, url: str, role_arn: str) -> None:
        """AWS looks for the archive, with the role's rights, before it makes a model."""
        try:
            location = parse_location(url)
            s3 = self.cloud.client("s3", role_arn=role_arn, session_name="SageMaker")
            s3.head_object(Bucket=location.bucket, Key=location.key)
        except (ClientError, AwsError, ValueError) as error:
            raise _invalid(
                f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its '
                'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                f"object is located in {self.cloud.region}."
            ) from error

    def _role_of(self, config: Record) -> str:
        """The role that SageMaker acts as for an endpoint: the config's, otherwise that of its first model."""
        model = self._model(config.request["ProductionVariants"][0]["ModelName"])
        return config.request.get("ExecutionRoleArn") or model.request["ExecutionRoleArn"]

    def _deploy(self, endpoint: Endpoint, config: Record, kept: frozenset[str] = frozenset()) -> Deployment:
        """Fleets for every variant of a config, not started yet; `kept` properties come from the live variants."""
        variants = {}
        for spec in config.request["ProductionVariants"]:
            name = spec["VariantName"]
            model = self._model(spec["ModelName"])
            live = endpoint.live.variants.get(name) if endpoint.live else None
            count, weight = spec.get("InitialInstanceCount"), spec.get("InitialVariantWeight", 1.0)
            if live is not None and "DesiredInstanceCount" in kept:
                count = live.desired_instance_count
            if live is not None and "DesiredWeight" in kept:
                weight = live.desired_weight
            fleet = Fleet(
                self.cloud, endpoint.name, spec, self._container(model.request), model.request["ExecutionRoleArn"]
            )
            variants[name] = Variant(fleet, weight, count, spec.get("ServerlessConfig"), weight, count)
        return Deployment(config.request["EndpointConfigName"], variants, started=self.cloud.now())

    def _refuse_unless_idle(self, endpoint: Endpoint) -> None:
        if endpoint.status in IN_PROGRESS:
            raise _invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        if endpoint.status == "Failed":
            raise _invalid(
                f'Cannot update endpoint "{endpoint.arn}" in status Failed; DeleteEndpoint is the only operation that '
                "can be performed on a failed endpoint."
            )

    def _reach_desired(self, endpoint: Endpoint) -> None:
        with endpoint.changed:
            for variant in endpoint.live.variants.values():
                variant.weight, variant.instance_count = variant.desired_weight, variant.desired_instance_count
        endpoint.set_status("InService", self.cloud.now())

    def _remove(self, endpoint: Endpoint) -> None:
        self._hosting.delete(endpoint)
        with self._endpoint_lock:
            self._endpoints.pop(endpoint.name, None)

    def _data_capture(self, config_name: str) -> dict | None:
        """Data capture is recorded, never done: its status is Stopped."""
        record = self._configs.get(config_name)
        capture = record.request.get("DataCaptureConfig") if record else None
        if capture is None:
            return None
        return {
            "EnableCapture": capture.get("EnableCapture", False),
            "CaptureStatus": "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }

    def _stop_endpoints(self) -> None:
        self.endpoint_metrics.close()
        started = time.monotonic()
        stops = [
            threading.Thread(target=deployment.stop)
            for endpoint in list(self._endpoints.values())
            for deployment in (endpoint.live, endpoint.pending)
            if deployment is not None
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(timeout=max(0.0, 10 - (time.monotonic() - started)))


def _containers(model: dict) -> list[dict]:
    return model.get("Containers") or ([model["PrimaryContainer"]] if "PrimaryContainer" in model else [])


def _instances(config: Record) -> int:
    return config.request["ProductionVariants"][0].get("InitialInstanceCount", 1)


def _kept_properties(request: dict) -> frozenset[str]:
    """Which properties of the live variants an UpdateEndpoint request keeps."""
    if not request.get("RetainAllVariantProperties"):
        return frozenset()
    left_out = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
    return frozenset({"DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"} - left_out)


def _summaries(deployment: Deployment, in_progress: bool = False) -> list[dict]:
    """ProductionVariants of DescribeEndpoint, or of its PendingDeploymentSummary."""
    summaries = []
    for name, variant in deployment.variants.items():
        image = variant.fleet.container.image
        summary = {
            "VariantName": name,
            "DeployedImages": [{"SpecifiedImage": image}] if image else None,
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.desired_weight,
            "CurrentInstanceCount": variant.instance_count,
            "DesiredInstanceCount": variant.desired_instance_count,
            "CurrentServerlessConfig": variant.serverless,
            "DesiredServerlessConfig": variant.serverless,
        }
        if in_progress:
            summary["VariantStatus"] = [{"Status": deployment.stage, "StartTime": deployment.started}]
        summaries.append(summary)
    return summaries


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _absent(what: str) -> AwsError:
    return AwsError(
        "NotImplementedException", f"{what} is not emulated by sagemaker. docs/emulator.md lists what is.", status=501
    )
