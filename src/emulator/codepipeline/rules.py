"""Rules of stage conditions: VariableCheck and CloudWatchAlarm."""

import re
import time
from collections.abc import Callable, Mapping


def check_variable(variable: str, operator: str, value: str) -> tuple[bool, str]:
    """(passed, one sentence of what was found) of a VariableCheck whose variable is resolved already."""
    passed = {
        "EQ": lambda: variable == value,
        "NE": lambda: variable != value,
        "CONTAINS": lambda: value in variable,
        "MATCHES": lambda: re.search(value, variable) is not None,
    }[operator]()
    return passed, f"found {variable!r}, required {operator} {value!r}"


def check_alarm(
    cloudwatch, configuration: Mapping[str, str], wait_seconds: float, ended: Callable[[], bool]
) -> tuple[bool, str]:
    """(passed, one sentence) of a CloudWatchAlarm rule: the alarm must stay out of its states for the waiting time.

    `cloudwatch` is a client of the rule's role; `ended` tells that nobody waits for the answer any more. Raises
    ValueError when there is no such alarm.
    """
    name = configuration["AlarmName"]
    bad_states = [state.strip() for state in configuration.get("AlarmStates", "ALARM").split(",")]
    deadline = time.monotonic() + wait_seconds
    while True:
        answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        alarms = answer.get("MetricAlarms", []) + answer.get("CompositeAlarms", [])
        if not alarms:
            raise ValueError(f"there is no alarm {name}")
        state = alarms[0]["StateValue"]
        if state in bad_states:
            return False, f"alarm {name} is in the state {state}"
        if time.monotonic() >= deadline or ended():
            return True, f"alarm {name} is in the state {state}"
        time.sleep(0.2)
