"""Endpoint configs of SageMaker: which models, on how many instances, with which share of the traffic."""

from __future__ import annotations

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.listing import Entry, listing
from emulator.sagemaker.hosting.models import Models
from emulator.sagemaker.hosting.records import Record, Records, absent, invalid

# What a config or model may ask for that is not emulated, and would otherwise seem to work.
ABSENT_IN_CONFIG = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "CrossRegionTrafficConfig")
ABSENT_IN_VARIANT = ("InstancePools",)


class EndpointConfigs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

    def __init__(self, cloud: Cloud, tags: TaggingService, models: Models):
        self._models = models
        self._records = Records(cloud, tags, "endpoint-config", "endpoint configuration")

    def create_endpoint_config(self, request: dict, caller: Caller) -> dict:
        asked = [member for member in ABSENT_IN_CONFIG if request.get(member)]
        asked += [
            member for variant in request["ProductionVariants"] for member in ABSENT_IN_VARIANT if member in variant
        ]
        if asked:
            raise absent(f"CreateEndpointConfig with {asked[0]}")
        names = [variant["VariantName"] for variant in request["ProductionVariants"]]
        if len(set(names)) < len(names):
            raise invalid(f"Variant names must be unique within an endpoint config, found {names}.")
        for variant in request["ProductionVariants"]:
            if "ModelName" not in variant:
                raise absent("A production variant without ModelName (inference components)")
            if "ServerlessConfig" not in variant and not variant.keys() >= {"InstanceType", "InitialInstanceCount"}:
                raise invalid(
                    f"Variant {variant['VariantName']} needs InstanceType and InitialInstanceCount or ServerlessConfig."
                )
            self._models.find(variant["ModelName"])
        return {"EndpointConfigArn": self._records.add(request["EndpointConfigName"], request).arn}

    def describe_endpoint_config(self, request: dict, caller: Caller) -> dict:
        record = self.find(request["EndpointConfigName"])
        return {**record.request, "EndpointConfigArn": record.arn, "CreationTime": record.created}

    def list_endpoint_configs(self, request: dict, caller: Caller) -> dict:
        entries = [
            Entry(
                name,
                record.created,
                {"EndpointConfigName": name, "EndpointConfigArn": record.arn, "CreationTime": record.created},
            )
            for name, record in self._records.items()
        ]
        return listing(entries, request, "EndpointConfigs", default_order="Descending")

    def delete_endpoint_config(self, request: dict, caller: Caller) -> dict:
        self._records.remove(request["EndpointConfigName"])
        return {}

    def find(self, name: str) -> Record:
        """The config. Raises ValidationException where there is none."""
        return self._records.find(name)

    def instance_count(self, name: str) -> int:
        """Instances of the config's first variant."""
        return self.find(name).request["ProductionVariants"][0].get("InitialInstanceCount", 1)

    def role_of(self, name: str) -> str:
        """The role that SageMaker acts as for an endpoint: the config's, otherwise that of its first model."""
        request = self.find(name).request
        model = self._models.find(request["ProductionVariants"][0]["ModelName"])
        return request.get("ExecutionRoleArn") or model.request["ExecutionRoleArn"]

    def data_capture(self, name: str) -> dict | None:
        """DataCaptureConfig as DescribeEndpoint reports it. Recorded, never done: its status is Stopped."""
        record = self._records.get(name)
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
