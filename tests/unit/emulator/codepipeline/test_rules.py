"""Rules of stage conditions."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.rules import check_alarm, check_variable


@pytest.mark.parametrize(
    ("variable", "operator", "value", "passed"),
    [
        ("PASS", "EQ", "PASS", True),
        ("FAIL", "EQ", "PASS", False),
        ("FAIL", "NE", "PASS", True),
        ("PASS", "NE", "PASS", False),
        ("a PASS b", "CONTAINS", "PASS", True),
        ("PAS", "CONTAINS", "PASS", False),
        ("release-12", "MATCHES", r"^release-\d+$", True),
        ("release-x", "MATCHES", r"^release-\d+$", False),
    ],
)
def test_variables_are_compared_as_text(variable, operator, value, passed):
    found, sentence = check_variable(variable, operator, value)
    assert found is passed
    assert repr(variable) in sentence


def alarms(*states: str):
    """A CloudWatch client whose alarm goes through these states and stays in the last."""
    left = list(states)

    def describe_alarms(**_):
        state = left.pop(0) if len(left) > 1 else left[0]
        return {"MetricAlarms": [{"StateValue": state}], "CompositeAlarms": []}

    return SimpleNamespace(describe_alarms=describe_alarms)


def test_an_alarm_that_rings_within_the_waiting_time_fails_the_rule():
    configuration = {"AlarmName": "a"}
    assert check_alarm(alarms("OK"), configuration, 0, lambda: False)[0]
    assert not check_alarm(alarms("ALARM"), configuration, 0, lambda: False)[0]
    assert not check_alarm(alarms("OK", "OK", "ALARM"), configuration, 5, lambda: False)[0]
    assert not check_alarm(
        alarms("INSUFFICIENT_DATA"), configuration | {"AlarmStates": "ALARM,INSUFFICIENT_DATA"}, 0, lambda: False
    )[0]


def test_nobody_waits_for_a_rule_of_an_abandoned_execution():
    assert check_alarm(alarms("OK"), {"AlarmName": "a"}, 3600, lambda: True)[0]


def test_an_alarm_that_is_not_there_is_an_error():
    nothing = SimpleNamespace(describe_alarms=lambda **_: {"MetricAlarms": []})
    with pytest.raises(ValueError, match="there is no alarm a"):
        check_alarm(nothing, {"AlarmName": "a"}, 0, lambda: False)
