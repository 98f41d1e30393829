"""Composite alarms."""

import pytest
from botocore.exceptions import ClientError

from emulator.moto_overlays.cloudwatch import CloudWatch


def test_a_composite_alarm_is_described_until_it_is_deleted(aws):
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a) AND ALARM(b)", AlarmDescription="d")
    found = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [(one["AlarmRule"], one["AlarmDescription"]) for one in found] == [("ALARM(a) AND ALARM(b)", "d")]
    cloudwatch.delete_alarms(AlarmNames=["both"])
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == []


def test_everything_else_is_left_to_moto(cloud):
    assert CloudWatch(cloud).operation("PutMetricAlarm") is None
    assert CloudWatch(cloud).operation("PutCompositeAlarm") is not None


def test_moto_still_has_no_door_for_composite_alarms(cloud):
    with pytest.raises(ClientError, match="NotImplemented"):
        cloud.moto_client("cloudwatch").put_composite_alarm(AlarmName="stock", AlarmRule="ALARM(a)")
