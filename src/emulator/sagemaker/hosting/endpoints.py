"""Endpoints of SageMaker: the operations, and what DescribeEndpoint answers."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.listing import Entry, listing
from emulator.sagemaker.hosting.configs import EndpointConfigs
from emulator.sagemaker.hosting.deployment import Deployment, Endpoint, Hosting, Variant
from emulator.sagemaker.hosting.fleet import Fleet
from emulator.sagemaker.hosting.metrics import EndpointMetrics, Invocation
from emulator.sagemaker.hosting.models import Models
from emulator.sagemaker.hosting.records import Record, invalid
from emulator.sagemaker.hosting.rollout import plan

IN_PROGRESS = {"Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"}


class Endpoints:
    """CreateEndpoint and its siblings; the runtime asks for endpoints and reports what they answered."""

    def __init__(self, cloud: Cloud, tags: TaggingService, models: Models, configs: EndpointConfigs):
        self._cloud = cloud
        self._tags = tags
        self._models = models
        self._configs = configs
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.RLock()
        self._metrics = EndpointMetrics(cloud)
        self._hosting = Hosting(cloud, self._metrics)
        cloud.on_shutdown(self._stop)

    def create_endpoint(self, request: dict, caller: Caller) -> dict:
        name = request["EndpointName"]
        arn = self._cloud.arn("sagemaker", f"endpoint/{name}")
        config = self._configs.find(request["EndpointConfigName"])
        plan(request.get("DeploymentConfig"), self._configs.instance_count(request["EndpointConfigName"]))
        now = self._cloud.now()
        with self._lock:
            if name in self._endpoints:
                raise invalid(f'Cannot create already existing endpoint "{arn}".')
            endpoint = Endpoint(name, arn, request["EndpointConfigName"], created=now, modified=now)
            endpoint.last_deployment_config = request.get("DeploymentConfig")
            self._endpoints[name] = endpoint
        self._tags.tag_resource(arn, request.get("Tags", []))
        self._cloud.background(self._hosting.create, endpoint, lambda: self._deploy(endpoint, config))
        return {"EndpointArn": arn}

    def update_endpoint(self, request: dict, caller: Caller) -> dict:
        endpoint = self.find(request["EndpointName"])
        config = self._configs.find(request["EndpointConfigName"])
        self._configs.find(endpoint.config_name)  # AWS refuses as well when the live config was deleted
        if request.get("RetainDeploymentConfig"):
            deployment_config = endpoint.last_deployment_config
        else:
            deployment_config = request.get("DeploymentConfig")
        kept = _kept_properties(request)
        role_arn = self._configs.role_of(request["EndpointConfigName"])
        with self._lock:
            self._refuse_unless_idle(endpoint)
            rollout = plan(deployment_config, self._configs.instance_count(request["EndpointConfigName"]))
            endpoint.last_deployment_config = deployment_config
            endpoint.set_status("Updating", self._cloud.now())
        self._cloud.background(
            self._hosting.update, endpoint, lambda: self._deploy(endpoint, config, kept), rollout, role_arn
        )
        return {"EndpointArn": endpoint.arn}

    def update_endpoint_weights_and_capacities(self, request: dict, caller: Caller) -> dict:
        endpoint = self.find(request["EndpointName"])
        with self._lock:
            self._refuse_unless_idle(endpoint)
            wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
            variants = endpoint.serving().variants
            if unknown := sorted(wanted.keys() - variants.keys()):
                raise invalid(f"Could not find variants {unknown} in endpoint {endpoint.arn}.")
            endpoint.set_status("Updating", self._cloud.now())
        with endpoint.changed:
            for name, item in wanted.items():
                variant = variants[name]
                variant.desired_weight = item.get("DesiredWeight", variant.desired_weight)
                variant.desired_instance_count = item.get("DesiredInstanceCount", variant.desired_instance_count)
                if "ServerlessUpdateConfig" in item:
                    variant.serverless = {**(variant.serverless or {}), **item["ServerlessUpdateConfig"]}
        self._cloud.background(self._reach_desired, endpoint)
        return {"EndpointArn": endpoint.arn}

    def describe_endpoint(self, request: dict, caller: Caller) -> dict:
        endpoint = self.find(request["EndpointName"])
        with endpoint.changed:
            answer: dict[str, Any] = {
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
                answer["DataCaptureConfig"] = self._configs.data_capture(endpoint.config_name)
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
        endpoint = self.find(request["EndpointName"])
        with self._lock:
            if endpoint.status in IN_PROGRESS:
                raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
            endpoint.set_status("Deleting", self._cloud.now())
        self._tags.delete_all_tags_for_resource(endpoint.arn)
        self._cloud.background(self._remove, endpoint)
        return {}

    def find(self, name: str) -> Endpoint:
        """The endpoint. Raises AwsError (ValidationException) where there is none."""
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            raise invalid(f'Could not find endpoint "{self._cloud.arn("sagemaker", f"endpoint/{name}")}".')
        return endpoint

    def record_invocation(self, invocation: Invocation) -> None:
        """Counts one answer of an endpoint, for CloudWatch and for its alarms."""
        self._metrics.record(invocation)

    def _deploy(self, endpoint: Endpoint, config: Record, kept: frozenset[str] = frozenset()) -> Deployment:
        """Fleets for every variant of a config, not started yet; `kept` properties come from the live variants."""
        variants = {}
        for spec in config.request["ProductionVariants"]:
            name = spec["VariantName"]
            model = self._models.find(spec["ModelName"])
            live = endpoint.live.variants.get(name) if endpoint.live else None
            count, weight = spec.get("InitialInstanceCount"), spec.get("InitialVariantWeight", 1.0)
            if live is not None and "DesiredInstanceCount" in kept:
                count = live.desired_instance_count
            if live is not None and "DesiredWeight" in kept:
                weight = live.desired_weight
            container = self._models.container(spec["ModelName"])
            fleet = Fleet(self._cloud, endpoint.name, spec, container, model.request["ExecutionRoleArn"])
            variants[name] = Variant(fleet, weight, count, spec.get("ServerlessConfig"), weight, count)
        return Deployment(config.request["EndpointConfigName"], variants, started=self._cloud.now())

    def _refuse_unless_idle(self, endpoint: Endpoint) -> None:
        if endpoint.status in IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        if endpoint.status == "Failed":
            raise invalid(
                f'Cannot update endpoint "{endpoint.arn}" in status Failed; DeleteEndpoint is the only operation that '
                "can be performed on a failed endpoint."
            )

    def _reach_desired(self, endpoint: Endpoint) -> None:
        with endpoint.changed:
            for variant in endpoint.serving().variants.values():
                variant.weight, variant.instance_count = variant.desired_weight, variant.desired_instance_count
        endpoint.set_status("InService", self._cloud.now())

    def _remove(self, endpoint: Endpoint) -> None:
        self._hosting.delete(endpoint)
        with self._lock:
            self._endpoints.pop(endpoint.name, None)

    def _stop(self) -> None:
        self._metrics.close()
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
        summary: dict[str, Any] = {
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
