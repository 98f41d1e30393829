"""SageMaker: training and processing jobs, the Model Registry, endpoints, and the tags of all of them."""

from emulator.endpoints import EndpointOperations
from emulator.model_registry import RegistryOperations
from emulator.processing import ProcessingOperations
from emulator.sagemaker_tags import TagOperations
from emulator.service import Service
from emulator.training import TrainingOperations


class SageMaker(
    TrainingOperations, ProcessingOperations, RegistryOperations, EndpointOperations, TagOperations, Service
):
    """The service; each operation lives with what it is about."""

    service_name = "sagemaker"

    def on_demand(self, action: str, name: str) -> None:
        if action != "interrupt":
            super().on_demand(action, name)
        self.interrupt_training_job(name)
