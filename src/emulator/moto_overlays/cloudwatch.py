"""CloudWatch is moto's, but for composite alarms.

The gap in moto 5.2.5: PutCompositeAlarm is not implemented, though moto's backend stores composite alarms, and
DescribeAlarms and DeleteAlarms answer for them.
"""

from __future__ import annotations

from moto.cloudwatch.models import cloudwatch_backends

from emulator.core.access import Caller
from emulator.core.service import Service


class CloudWatch(Service):
    service_name = "cloudwatch"
    rest_to_moto = True

    def put_composite_alarm(self, request: dict, caller: Caller) -> None:
        """Recorded only: the rule is not evaluated, `SetAlarmState` sets the state."""
        cloudwatch_backends[self.cloud.account_id][self.cloud.region].put_metric_alarm(
            name=request["AlarmName"],
            rule=request["AlarmRule"],
            description=request.get("AlarmDescription"),
            actions_enabled=request.get("ActionsEnabled", True),
            alarm_actions=request.get("AlarmActions", []),
            ok_actions=request.get("OKActions", []),
            insufficient_data_actions=request.get("InsufficientDataActions", []),
            tags=request.get("Tags", []),
            namespace=None,
            metric_name=None,
            metric_data_queries=[],
            comparison_operator=None,
            evaluation_periods=None,
            datapoints_to_alarm=None,
            period=None,
            threshold=None,
            statistic=None,
            extended_statistic=None,
            dimensions=[],
            unit=None,
        )
