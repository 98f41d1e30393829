"""SageMaker: training and processing jobs, the Model Registry, endpoints, and the tags of all of them."""

from __future__ import annotations

from moto.utilities.tagging_service import TaggingService

from emulator.core.cloud import Cloud
from emulator.core.service import Service
from emulator.sagemaker.hosting.configs import EndpointConfigs
from emulator.sagemaker.hosting.endpoints import Endpoints
from emulator.sagemaker.hosting.models import Models
from emulator.sagemaker.jobs.processing.operations import ProcessingJobs
from emulator.sagemaker.jobs.training.operations import TrainingJobs
from emulator.sagemaker.registry.groups import Groups
from emulator.sagemaker.registry.packages import Packages
from emulator.sagemaker.tags import TagOperations


class SageMaker(Service):
    """The service; each operation lives with what it is about."""

    service_name = "sagemaker"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        tags = TaggingService()
        models = Models(cloud, tags)
        configs = EndpointConfigs(cloud, tags, models)
        groups = Groups(cloud, tags)
        self.endpoints = Endpoints(cloud, tags, models, configs)
        self._training = TrainingJobs(cloud, tags)
        self.parts = (
            self._training,
            ProcessingJobs(cloud, tags),
            groups,
            Packages(cloud, tags, groups),
            models,
            configs,
            self.endpoints,
            TagOperations(tags),
        )

    def on_demand(self, action: str, name: str) -> None:
        if action != "interrupt":
            super().on_demand(action, name)
        self._training.interrupt(name)
