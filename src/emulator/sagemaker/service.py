"""SageMaker: training and processing jobs, the Model Registry, endpoints, and the tags of all of them."""

from emulator.core.service import Service
from emulator.core.tags import TagOperations
from emulator.sagemaker.hosting.endpoints import EndpointOperations
from emulator.sagemaker.jobs.processing import ProcessingOperations
from emulator.sagemaker.jobs.training import TrainingOperations
from emulator.sagemaker.registry.packages import RegistryOperations


class SageMaker(
    TrainingOperations, ProcessingOperations, RegistryOperations, EndpointOperations, TagOperations, Service
):
    """The service; each operation lives with what it is about."""

    service_name = "sagemaker"

    def on_demand(self, action: str, name: str) -> None:
        if action != "interrupt":
            super().on_demand(action, name)
        self.interrupt_training_job(name)
