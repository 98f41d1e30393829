"""Budgets: recorded only, for nothing here costs money.

The gap in moto 5.2.5: CreateBudget forgets the subscribers, and DescribeSubscribersForNotification, UpdateBudget, the
operations on single subscribers and those on tags are not implemented.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.service import Service

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

# What AWS fills in where a budget says nothing.
_COST_TYPES = {
    "IncludeCredit": True,
    "IncludeDiscount": True,
    "IncludeOtherSubscription": True,
    "IncludeRecurring": True,
    "IncludeRefund": True,
    "IncludeSubscription": True,
    "IncludeSupport": True,
    "IncludeTax": True,
    "IncludeUpfront": True,
    "UseAmortized": False,
    "UseBlended": False,
}
_END = datetime(2087, 6, 15, tzinfo=UTC)


class Budgets(Service):
    """Budgets, their notifications and subscribers, and their tags."""

    service_name = "budgets"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._budgets: dict[str, dict] = {}  # by name
        self._notifications: dict[str, list[tuple[dict, list[dict]]]] = {}  # (notification, subscribers) by budget
        self._tags = TaggingService(tag_name="ResourceTags")

    def create_budget(self, request: dict, caller: Caller) -> dict:
        name = request["Budget"]["BudgetName"]
        if name in self._budgets:
            raise AwsError("DuplicateRecordException", f"Error creating budget: {name} - the budget already exists.")
        self._budgets[name] = self._completed(request["Budget"])
        self._notifications[name] = [
            (_with_defaults(one["Notification"]), list(one["Subscribers"]))
            for one in request.get("NotificationsWithSubscribers", [])
        ]
        self._tags.tag_resource(name, request.get("ResourceTags", []))
        return {}

    def update_budget(self, request: dict, caller: Caller) -> dict:
        name = request["NewBudget"]["BudgetName"]
        self._find(name)
        self._budgets[name] = self._completed(request["NewBudget"])
        return {}

    def describe_budget(self, request: dict, caller: Caller) -> dict:
        return {"Budget": self._find(request["BudgetName"])}

    def describe_budgets(self, request: dict, caller: Caller) -> dict:
        return {"Budgets": list(self._budgets.values())}

    def delete_budget(self, request: dict, caller: Caller) -> dict:
        self._find(request["BudgetName"])
        del self._budgets[request["BudgetName"]], self._notifications[request["BudgetName"]]
        self._tags.delete_all_tags_for_resource(request["BudgetName"])
        return {}

    def create_notification(self, request: dict, caller: Caller) -> dict:
        self._find(request["BudgetName"])
        wanted = _with_defaults(request["Notification"])
        if any(one == wanted for one, _ in self._notifications[request["BudgetName"]]):
            raise AwsError("DuplicateRecordException", "The notification already exists.")
        self._notifications[request["BudgetName"]].append((wanted, list(request["Subscribers"])))
        return {}

    def delete_notification(self, request: dict, caller: Caller) -> dict:
        self._subscribers(request)
        wanted = _with_defaults(request["Notification"])
        name = request["BudgetName"]
        self._notifications[name] = [one for one in self._notifications[name] if one[0] != wanted]
        return {}

    def describe_notifications_for_budget(self, request: dict, caller: Caller) -> dict:
        self._find(request["BudgetName"])
        return {"Notifications": [notification for notification, _ in self._notifications[request["BudgetName"]]]}

    def describe_subscribers_for_notification(self, request: dict, caller: Caller) -> dict:
        return {"Subscribers": self._subscribers(request)}

    def create_subscriber(self, request: dict, caller: Caller) -> dict:
        self._subscribers(request).append(request["Subscriber"])
        return {}

    def delete_subscriber(self, request: dict, caller: Caller) -> dict:
        found = self._subscribers(request)
        if request["Subscriber"] not in found:
            raise AwsError("NotFoundException", "The subscriber doesn't exist.")
        found.remove(request["Subscriber"])
        return {}

    def list_tags_for_resource(self, request: dict, caller: Caller) -> dict:
        return self._tags.list_tags_for_resource(self._tagged(request))

    def tag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags.tag_resource(self._tagged(request), request["ResourceTags"])
        return {}

    def untag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags.untag_resource_using_names(self._tagged(request), request["ResourceTagKeys"])
        return {}

    def _completed(self, budget: dict) -> dict:
        now = self.cloud.now()
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        period = {"Start": month, "End": _END} | budget.get("TimePeriod", {})
        defaults: dict[str, dict] = {"CalculatedSpend": {"ActualSpend": {"Amount": "0.0", "Unit": "USD"}}}
        if budget["BudgetType"] == "COST":
            defaults["CostTypes"] = _COST_TYPES
        return defaults | budget | {"TimePeriod": period, "LastUpdatedTime": now}

    def _find(self, name: str) -> dict:
        if name not in self._budgets:
            raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return self._budgets[name]

    def _subscribers(self, request: dict) -> list[dict]:
        self._find(request["BudgetName"])
        wanted = _with_defaults(request["Notification"])
        for notification, subscribers in self._notifications[request["BudgetName"]]:
            if notification == wanted:
                return subscribers
        raise AwsError("NotFoundException", "Unable to find the notification - it doesn't exist.")

    def _tagged(self, request: dict) -> str:
        """The budget that a request on tags is about."""
        name = request["ResourceARN"].partition(":budget/")[2]
        if name not in self._budgets:
            raise AwsError("NotFoundException", f"{request['ResourceARN']} doesn't exist.")
        return name


def _with_defaults(notification: dict) -> dict:
    """A notification without its state, by which AWS recognises it."""
    stateless = {key: value for key, value in notification.items() if key != "NotificationState"}
    return {"ThresholdType": "PERCENTAGE"} | stateless
