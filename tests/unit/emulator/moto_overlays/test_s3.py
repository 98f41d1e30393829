"""Bucket policies, access logging and notifications, where moto falls short for Terraform."""

import inspect
import json
import uuid

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import FakeDeleteMarker

from emulator.moto_overlays import s3 as overlay


def policy(bucket: str, **fields) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | fields]})


@pytest.fixture
def s3(aws):
    return aws("s3")


def test_a_tls_only_policy_locks_nobody_out(s3):
    s3.create_bucket(Bucket="overlay-tls")
    s3.put_bucket_policy(Bucket="overlay-tls", Policy=policy("overlay-tls"))
    s3.put_object(Bucket="overlay-tls", Key="k", Body=b"x")
    assert json.loads(s3.get_bucket_policy(Bucket="overlay-tls")["Policy"]) == json.loads(policy("overlay-tls"))
    s3.delete_bucket_policy(Bucket="overlay-tls")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="overlay-tls")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("no json", "no policy document"),
        (policy("another"), "invalid resource"),
        (json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Principal": "*"}]}), "Resource"),
    ],
)
def test_a_malformed_bucket_policy_is_refused(s3, document, complaint):
    s3.create_bucket(Bucket="overlay-malformed")
    with pytest.raises(ClientError, match=complaint) as caught:
        s3.put_bucket_policy(Bucket="overlay-malformed", Policy=document)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"


def test_a_policy_goes_with_its_bucket(s3):
    for _ in range(2):
        s3.create_bucket(Bucket="overlay-again")
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            s3.get_bucket_policy(Bucket="overlay-again")
        s3.put_bucket_policy(Bucket="overlay-again", Policy=policy("overlay-again"))
        s3.delete_bucket(Bucket="overlay-again")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_bucket_policy(Bucket="overlay-again", Policy=policy("overlay-again"))


def test_access_logs_need_the_target_bucket_s_permission(s3):
    for name in ("overlay-logs", "overlay-logged"):
        s3.create_bucket(Bucket=name)
    wanted = {"LoggingEnabled": {"TargetBucket": "overlay-logs", "TargetPrefix": "x/"}}
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket="overlay-logged", BucketLoggingStatus=wanted)
    allowed = policy(
        "overlay-logs",
        Effect="Allow",
        Action="s3:PutObject",
        Principal={"Service": "logging.s3.amazonaws.com"},
        Resource="arn:aws:s3:::overlay-logs/x/*",
        Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::overlay-logged"}},
    )
    s3.put_bucket_policy(Bucket="overlay-logs", Policy=allowed)
    s3.put_bucket_logging(Bucket="overlay-logged", BucketLoggingStatus=wanted)
    assert s3.get_bucket_logging(Bucket="overlay-logged")["LoggingEnabled"] == wanted["LoggingEnabled"]
    s3.put_bucket_logging(Bucket="overlay-logged", BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="overlay-logged")


def test_the_eventbridge_setting_of_a_bucket_is_given_back(s3):
    s3.create_bucket(Bucket="overlay-events")
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket="overlay-events")
    s3.put_bucket_notification_configuration(
        Bucket="overlay-events", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    found = s3.get_bucket_notification_configuration(Bucket="overlay-events")
    assert found["EventBridgeConfiguration"] == {}


def test_a_bucket_whose_versioning_was_suspended_can_be_emptied_of_delete_markers(s3):
    bucket = f"versioned-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="lock", Body=b"held")
    s3.delete_object(Bucket=bucket, Key="lock")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    listed = s3.list_object_versions(Bucket=bucket)
    versions = [
        {"Key": found["Key"], "VersionId": found["VersionId"]}
        for found in [*listed["Versions"], *listed["DeleteMarkers"]]
    ]
    assert len(versions) == 2
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions})
    assert answer.get("Errors", []) == []
    s3.delete_bucket(Bucket=bucket)


@pytest.fixture
def stock(cloud):
    """moto's own S3, past the overlay, with one empty bucket."""
    client = cloud.moto_client("s3")
    client.create_bucket(Bucket="overlay-stock")
    yield client
    client.delete_bucket_policy(Bucket="overlay-stock")
    client.delete_bucket(Bucket="overlay-stock")


def test_moto_still_applies_a_deny_without_its_condition(stock):
    stock.put_bucket_policy(Bucket="overlay-stock", Policy=policy("overlay-stock"))
    with pytest.raises(ClientError, match="Forbidden"):
        stock.put_object(Bucket="overlay-stock", Key="k", Body=b"x")


def test_moto_still_takes_a_policy_that_is_none(stock):
    stock.put_bucket_policy(Bucket="overlay-stock", Policy="no json")


def test_moto_still_forgets_the_eventbridge_setting(stock):
    stock.put_bucket_notification_configuration(
        Bucket="overlay-stock", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert "EventBridgeConfiguration" not in stock.get_bucket_notification_configuration(Bucket="overlay-stock")


def test_moto_still_cannot_dispose_of_a_delete_marker():
    assert "def dispose" not in inspect.getsource(FakeDeleteMarker)
    assert "FakeDeleteMarker.dispose" in inspect.getsource(overlay)
