"""From a deployment config to the steps of an update."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.errors import AwsError
from emulator.sagemaker.hosting.rollout import Step, linear_steps, plan, share_of


def blue_green(routing: dict, **policy) -> dict:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **policy}}


def percent(value: int) -> dict:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def test_without_a_config_all_traffic_moves_at_once_and_nothing_is_watched():
    rollout = plan(None, instance_count=3)
    assert rollout.steps == (Step(1.0, 0),)
    assert rollout.alarm_names == ()
    assert rollout.termination_wait_seconds == 0


def test_a_canary_gets_its_share_then_everything_and_bakes_both_times():
    config = blue_green(
        {"Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": percent(10)}, TerminationWaitInSeconds=120
    )
    rollout = plan(config, instance_count=4)
    assert rollout.steps == (Step(0.1, 300), Step(1.0, 300))
    assert rollout.termination_wait_seconds == 120


def test_a_linear_update_moves_in_equal_steps():
    config = blue_green({"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": percent(25)})
    assert [step.share for step in plan(config, 4).steps] == [0.25, 0.5, 0.75, 1.0]


def test_a_rolling_update_moves_batch_by_batch():
    size = {"Type": "INSTANCE_COUNT", "Value": 1}
    config = {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60}}
    assert [step.share for step in plan(config, 2).steps] == [0.5, 1.0]


def test_the_alarms_of_the_rollback_configuration_are_watched():
    config = {
        **blue_green({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}),
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]},
    }
    assert plan(config, 1).alarm_names == ("a", "b")


def test_a_single_instance_can_be_updated_with_a_canary_of_one_instance():
    assert share_of({"Type": "INSTANCE_COUNT", "Value": 1}, 1, "CanarySize") == 0.5


@pytest.mark.parametrize("size", [percent(51), {"Type": "INSTANCE_COUNT", "Value": 3}])
def test_a_canary_above_half_of_the_fleet_is_refused(size):
    config = blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 60, "CanarySize": size})
    with pytest.raises(AwsError, match=r"CanarySize is .* expected at most 50%"):
        plan(config, instance_count=4)


def test_a_canary_without_a_size_is_refused():
    with pytest.raises(AwsError, match="CanarySize is required"):
        plan(blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 60}), 1)


def test_two_policies_are_refused():
    size = {"Type": "INSTANCE_COUNT", "Value": 1}
    config = {
        **blue_green({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}),
        "RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60},
    }
    with pytest.raises(AwsError, match="at most one"):
        plan(config, 2)


@given(st.floats(min_value=0.01, max_value=0.5))
def test_every_linear_update_grows_and_ends_with_all_traffic(share):
    shares = [step.share for step in linear_steps(share, 1)]
    assert shares[-1] == pytest.approx(1.0)
    assert all(0 < later - earlier <= share + 1e-9 for earlier, later in zip([0.0, *shares], shares, strict=False))
