"""Where moto falls short for Terraform: bucket policies, logging, notifications, scaling tags, budgets, alarms."""

import json

import pytest
from botocore.exceptions import ClientError


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


def test_a_budget_keeps_its_subscribers(aws):
    budgets = aws("budgets")
    place = {"AccountId": "123456789012", "BudgetName": "b"}
    limit = {"Amount": "50", "Unit": "USD"}
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    mail = {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
    budgets.create_budget(
        AccountId="123456789012",
        Budget={"BudgetName": "b", "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [mail]}],
    )
    assert budgets.describe_budget(**place)["Budget"]["BudgetLimit"] == limit
    found = budgets.describe_notifications_for_budget(**place)["Notifications"]
    assert found == [notification | {"ThresholdType": "PERCENTAGE"}]
    assert budgets.describe_subscribers_for_notification(**place, Notification=found[0])["Subscribers"] == [mail]
    budgets.delete_budget(**place)
    with pytest.raises(ClientError, match="NotFoundException"):
        budgets.describe_budget(**place)


def test_a_composite_alarm_is_described_until_it_is_deleted(aws):
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a) AND ALARM(b)", AlarmDescription="d")
    found = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [(one["AlarmRule"], one["AlarmDescription"]) for one in found] == [("ALARM(a) AND ALARM(b)", "d")]
    cloudwatch.delete_alarms(AlarmNames=["both"])
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == []
