"""Tags of scalable targets."""

import pytest
from botocore.exceptions import ClientError

from emulator.moto_overlays.autoscaling import ApplicationAutoScaling


def test_a_scalable_target_keeps_its_tags(aws):
    scaling = aws("application-autoscaling")
    arn = scaling.register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/e/variant/v",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=3,
        Tags={"a": "1", "b": "2"},
    )["ScalableTargetARN"]
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2", "c": "3"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scaling.list_tags_for_resource(ResourceARN=arn + "x")


TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/stock/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "MinCapacity": 1,
    "MaxCapacity": 3,
}


def test_a_target_is_known_by_its_place_as_by_its_arn(aws, cloud):
    overlay = cloud.services["application-autoscaling"]
    assert isinstance(overlay, ApplicationAutoScaling)
    place = TARGET | {"ResourceId": "endpoint/known/variant/v"}
    arn = aws("application-autoscaling").register_scalable_target(**place, Tags={"a": "1"})["ScalableTargetARN"]
    assert overlay.tags_for_policies(place) == overlay.tags_for_policies({"ResourceARN": arn}) == {"a": "1"}
    assert overlay.tags_for_policies(TARGET) == {}


def test_moto_still_has_no_tags_of_scalable_targets(cloud):
    stock = cloud.moto_client("application-autoscaling")
    arn = stock.register_scalable_target(**TARGET, Tags={"a": "1"})["ScalableTargetARN"]
    with pytest.raises(ClientError, match="NotImplemented"):
        stock.list_tags_for_resource(ResourceARN=arn)
    stock.deregister_scalable_target(**{name: TARGET[name] for name in list(TARGET)[:3]})
