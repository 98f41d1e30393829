"""CloudWatch is moto's, but for composite alarms.

The gap in moto 5.2.5: PutCompositeAlarm is not implemented, though moto's backend stores composite alarms, and
DescribeAlarms and DeleteAlarms answer for them.
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from emulator.core.access import Caller
from emulator.core.service import Service


class CloudWatch(Service):
    """PutCompositeAlarm; all else is moto's."""

    service_name = "cloudwatch"
    rest_to_moto = True

    def put_composite_alarm(self, request: dict, caller: Caller) -> None:
        """Recorded only: the rule is not evaluated, `SetAlarmState` sets the state."""
        # moto's signature wants the members of a metric alarm as well, of which a composite one has none.
        of_a_metric: dict[str, Any] = dict.fromkeys(
            (
                "namespace",
                "metric_name",
                "comparison_operator",
                "evaluation_periods",
                "period",
                "threshold",
                "statistic",
            )
        )
        description: Any = request.get("AlarmDescription")  # None where there is none, which moto's type leaves out
        cloudwatch_backends[self.cloud.account_id][self.cloud.region].put_metric_alarm(
            name=request["AlarmName"],
            rule=request["AlarmRule"],
            description=description,
            actions_enabled=request.get("ActionsEnabled", True),
            alarm_actions=request.get("AlarmActions", []),
            ok_actions=request.get("OKActions", []),
            insufficient_data_actions=request.get("InsufficientDataActions", []),
            tags=request.get("Tags", []),
            metric_data_queries=[],
            dimensions=[],
            **of_a_metric,
        )
