import pytest
from helpers.evaluations import make_prod_run

from release.aws.live import read_live

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/moderation/1"


def test_where_there_is_no_endpoint_nothing_is_live(aws):
    assert read_live("moderation-prod", aws.client("sagemaker")) is None


def test_the_live_release_is_read_from_endpoint_config_and_model(aws):
    sagemaker = aws.client("sagemaker")
    make_prod_run(PACKAGE, sagemaker, "moderation-prod-v1-12345678")
    live = read_live("moderation-prod", sagemaker)
    assert (live.status, live.config_name, live.package_arn) == (
        "InService",
        "moderation-prod-v1-12345678",
        PACKAGE,
    )
    assert (live.image_uri, live.model_data_uri) == (
        "image",
        "s3://moderation-models/training/job/output/model.tar.gz",
    )
    assert live.configured_instance_count == 1
    assert live.serving_package_arn == PACKAGE


@pytest.mark.parametrize(("status", "serves"), [("Creating", None), ("Failed", None), ("Updating", PACKAGE)])
def test_an_endpoint_that_never_came_up_serves_nobody(aws, monkeypatch, status, serves):
    sagemaker = aws.client("sagemaker")
    make_prod_run(PACKAGE, sagemaker)
    endpoint = sagemaker.describe_endpoint(EndpointName="moderation-prod") | {"EndpointStatus": status}
    monkeypatch.setattr(sagemaker, "describe_endpoint", lambda EndpointName: endpoint)
    assert read_live("moderation-prod", sagemaker).serving_package_arn == serves
