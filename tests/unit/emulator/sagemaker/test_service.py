"""SageMaker as one service: actions on demand, and tags of whatever it holds."""

import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.service import SageMaker


@pytest.fixture
def sagemaker(cloud):
    return SageMaker(cloud)


@pytest.mark.parametrize(("action", "status"), [("explode", 404), ("interrupt", 400)])
def test_an_action_on_demand_needs_a_name_that_is_known(sagemaker, action, status):
    with pytest.raises(AwsError) as refusal:
        sagemaker.on_demand(action, "no-such-job")
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "operation",
    ["CreateTrainingJob", "CreateProcessingJob", "CreateModelPackage", "CreateModel", "CreateEndpoint", "AddTags"],
)
def test_every_part_answers_for_its_operations(sagemaker, operation):
    assert sagemaker.operation(operation) is not None
