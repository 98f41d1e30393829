"""Budgets and their subscribers."""

import pytest
from botocore.exceptions import ClientError

from emulator.core.errors import AwsError
from emulator.moto_overlays.budgets import Budgets


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


def test_a_budget_s_tags_and_subscribers_can_be_changed(cloud):
    budgets = Budgets(cloud)
    arn = "arn:aws:budgets::123456789012:budget/mine"
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    budgets.create_budget({"Budget": {"BudgetName": "mine", "BudgetType": "COST"}}, None)
    budgets.tag_resource({"ResourceARN": arn, "ResourceTags": [{"Key": "k", "Value": "v"}]}, None)
    assert budgets.list_tags_for_resource({"ResourceARN": arn}, None) == {"ResourceTags": [{"Key": "k", "Value": "v"}]}
    budgets.untag_resource({"ResourceARN": arn, "ResourceTagKeys": ["k", "absent"]}, None)
    assert budgets.list_tags_for_resource({"ResourceARN": arn}, None) == {"ResourceTags": []}
    place = {"BudgetName": "mine", "Notification": notification}
    mail = {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
    budgets.create_notification(place | {"Subscribers": []}, None)
    budgets.create_subscriber(place | {"Subscriber": mail}, None)
    assert budgets.describe_subscribers_for_notification(place, None) == {"Subscribers": [mail]}
    budgets.delete_subscriber(place | {"Subscriber": mail}, None)
    with pytest.raises(AwsError, match="The subscriber doesn't exist"):
        budgets.delete_subscriber(place | {"Subscriber": mail}, None)


def test_moto_still_does_not_tell_the_subscribers(cloud):
    with pytest.raises(ClientError, match="NotImplemented"):
        cloud.moto_client("budgets").describe_subscribers_for_notification(
            AccountId="123456789012",
            BudgetName="b",
            Notification={"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0},
        )
