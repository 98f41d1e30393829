"""A platform as Terraform describes it, and an AWS that lives in the test's process."""

import functools

import boto3
import botocore.session
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.backends import get_backend

from release.aws.platform import Platform

REGION = "eu-west-1"
SERVICES = ("s3", "sagemaker", "logs", "cloudwatch")
"""What the code under test talks to; each test finds these empty."""


@pytest.fixture
def platform() -> Platform:
    return Platform(
        project_name="moderation",
        data_bucket="moderation-data",
        models_bucket="moderation-models",
        state_bucket="moderation-state",
        kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        training_role_arn="arn:aws:iam::123456789012:role/moderation-training",
        processing_role_arn="arn:aws:iam::123456789012:role/moderation-processing",
        training_image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1",
        processing_image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/processing:1",
        inference_image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/inference:1",
        training_instance_type="ml.m5.xlarge",
        training_instance_count=2,
        training_volume_gb=30,
        max_training_seconds=3600,
        training_use_spot=True,
        processing_instance_type="ml.m5.xlarge",
        processing_instance_count=1,
        processing_volume_gb=20,
        max_processing_seconds=1800,
        model_package_group_name="moderation",
        staging_endpoint_name="moderation-staging",
        prod_endpoint_name="moderation-prod",
    )


@pytest.fixture(scope="session")
def session():
    """A boto3 session whose clients are made once: reading a service model takes longer than most tests."""
    core = botocore.session.get_session()
    core.set_default_client_config(Config(ignore_configured_endpoint_urls=True))
    made = boto3.Session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name=REGION,
        botocore_session=core,
    )
    made.client = functools.cache(made.client)
    return made


@pytest.fixture
def aws(session, platform):
    """The session, in an AWS that holds the platform's buckets; nothing leaves the process."""
    mock = mock_aws()
    # left to itself, moto resets every service that this process ever used; IAM alone then takes seconds a test
    mock.start(reset=False)
    for service in SERVICES:
        for account in get_backend(service).values():
            account.reset()
    try:
        s3 = session.client("s3")
        for bucket in (platform.data_bucket, platform.models_bucket, platform.state_bucket):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield session
    finally:
        mock.stop(remove_data=False)


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()
