"""Evaluates the CloudWatch alarms that guard an endpoint update; moto stores alarms but never evaluates them."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from emulator.sagemaker.hosting.metrics import NAMESPACE

# (metric name, {dimension: value}, since in epoch seconds) -> [(epoch seconds, value)]
Samples = Callable[[str, dict[str, str], float], list[tuple[float, float]]]

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
SHORTEST_PERIOD_SECONDS = 0.5  # longer than the time between two looks, so that no datapoint falls between them
OUR_REASON = "Threshold Crossed: "  # how CloudWatch begins a reason, and how we know that we wrote a state


@dataclass(frozen=True)
class Verdict:
    """The state of an alarm and why."""

    state: str  # OK, ALARM or INSUFFICIENT_DATA
    reason: str


def is_ours(alarm: dict) -> bool:
    """Whether all metrics of an alarm are ones that endpoints emit here; of others only the stored state is known."""
    metrics = alarm.get("Metrics") or []
    if not metrics:
        return alarm.get("Namespace") == NAMESPACE
    return all(query["MetricStat"]["Metric"]["Namespace"] == NAMESPACE for query in metrics if "MetricStat" in query)


def evaluate(alarm: dict, samples: Samples, now: float, time_scale: float) -> Verdict:
    """The state of a metric alarm (an item of DescribeAlarms' MetricAlarms) at `now` (epoch seconds).

    Its periods, counted back from `now`, are divided by `time_scale`, as all waiting is (but last half a second at
    least); its values are taken as they are. Raises ValueError for what can't be evaluated.
    """
    periods, needed = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    if alarm["ComparisonOperator"] not in COMPARISONS:
        raise ValueError(
            f"alarm {alarm['AlarmName']}: found comparison {alarm['ComparisonOperator']}; expected one of "
            f"{', '.join(COMPARISONS)} (anomaly detection is not emulated)"
        )
    if too_few_for_percentile(alarm, samples, now, time_scale):
        return Verdict(alarm["StateValue"], alarm.get("StateReason", ""))
    breaches, words = COMPARISONS[alarm["ComparisonOperator"]]
    values = [_value(alarm, samples, now, time_scale, number) for number in range(periods)]
    present = [value for value in values if value is not None]
    breaching = [value for value in present if breaches(value, alarm["Threshold"])]
    missing = len(values) - len(present)
    treatment = alarm.get("TreatMissingData") or "missing"
    count = len(breaching) + (missing if treatment == "breaching" else 0)
    if count >= needed:
        points = ", ".join(f"{value:g}" for value in breaching) or "none, missing data is breaching"
        return Verdict(
            "ALARM", f"{OUR_REASON}{count} datapoints [{points}] were {words} the threshold ({alarm['Threshold']:g})."
        )
    if not present and treatment == "missing":
        return Verdict("INSUFFICIENT_DATA", f"{OUR_REASON}no datapoints were received for {periods} periods.")
    return Verdict("OK", f"{OUR_REASON}{count} of {needed} datapoints were {words} the threshold.")


def too_few_for_percentile(alarm: dict, samples: Samples, now: float, time_scale: float) -> bool:
    """Whether an alarm on a percentile keeps its state for want of samples, as it may ask CloudWatch to.

    CloudWatch wants 10 / (1 - percentile) samples: 1,000 for p99, 20 for p50.
    """
    statistic = alarm.get("ExtendedStatistic") or ""
    if alarm.get("EvaluateLowSampleCountPercentile") != "ignore" or not statistic.startswith("p"):
        return False
    share = float(statistic[1:]) / 100
    span = alarm["EvaluationPeriods"] * period_length(alarm["Period"], time_scale)
    found = samples(alarm["MetricName"], dimensions_of(alarm), now - span)
    return len(found) < round(10 / (1 - max(share, 0.5)))


def period_length(period_seconds: int, time_scale: float) -> float:
    """How many seconds a period lasts here."""
    return max(SHORTEST_PERIOD_SECONDS, period_seconds / time_scale)


def dimensions_of(metric: dict) -> dict[str, str]:
    """{name: value} of a metric, or of an alarm on one."""
    return {item["Name"]: item["Value"] for item in metric.get("Dimensions", [])}


def _value(alarm: dict, samples: Samples, now: float, time_scale: float, number: int) -> float | None:
    """The alarm's value in its `number`-th period back from `now`, None where there is no data."""

    def statistic(metric: dict, name: str, period_seconds: int) -> float | None:
        length = period_length(period_seconds, time_scale)
        start, end = now - (number + 1) * length, now - number * length
        found = [value for time, value in samples(metric["MetricName"], dimensions_of(metric), start) if time < end]
        return summarise(found, name)

    if not alarm.get("Metrics"):
        return statistic(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"], alarm["Period"])
    known: dict[str, float | None] = {}
    returned = ""
    for query in sorted(alarm["Metrics"], key=lambda query: "Expression" in query):
        if "Expression" in query:
            known[query["Id"]] = calculate(query["Expression"], known)
        else:
            stat = query["MetricStat"]
            known[query["Id"]] = statistic(stat["Metric"], stat["Stat"], stat["Period"])
        if query.get("ReturnData", True):
            returned = query["Id"]
    return known[returned]


Reduction = Callable[[list[float]], float]


def average(values: list[float]) -> float:
    """The mean of at least one value."""
    return sum(values) / len(values)


STATISTICS: dict[str, Reduction] = {"Sum": sum, "Minimum": min, "Maximum": max, "Average": average}


def summarise(values: list[float], statistic: str) -> float | None:
    """A CloudWatch statistic of `values`; None for no values (a sample count is 0 then). Raises ValueError."""
    if statistic == "SampleCount":
        return float(len(values))
    if not values:
        return None
    if statistic in STATISTICS:
        return float(STATISTICS[statistic](values))
    if statistic.startswith("p"):
        rank = math.ceil(float(statistic[1:]) / 100 * len(values))
        return sorted(values)[max(0, rank - 1)]
    raise ValueError(
        f"found statistic {statistic}; expected SampleCount, {', '.join(STATISTICS)} or a percentile like p99"
    )


OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Reduction] = {"MAX": max, "MIN": min, "SUM": sum, "AVG": average}


def calculate(expression: str, known: dict[str, float | None]) -> float | None:
    """A metric math expression over values of one period: + - * / comparisons, IF, FILL, MAX, MIN, SUM, AVG.

    None (no data) in gives None out, except through FILL; so does a division by zero. Raises ValueError.
    """
    try:
        return _calculate(ast.parse(expression.strip(), mode="eval").body, known)
    except ZeroDivisionError:
        return None
    except (SyntaxError, KeyError, TypeError) as error:
        raise ValueError(
            f"found metric math expression {expression!r}; expected numbers, metric ids, + - * / ( ), comparisons, "
            "IF, FILL, MAX, MIN, SUM and AVG"
        ) from error


def _calculate(node: ast.AST, known: dict[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _calculate(operand, known)
            return None if value is None else -value
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]):
            first, second = _calculate(left, known), _calculate(right, known)
            return None if first is None or second is None else float(OPERATORS[type(sign)](first, second))
        case ast.Call(func=ast.Name(id="FILL"), args=[value, substitute]):
            found = _calculate(value, known)
            return _calculate(substitute, known) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, when_true, when_false]):
            found = _calculate(condition, known)
            return None if found is None else _calculate(when_true if found else when_false, known)
        case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=items)]):
            values = [_calculate(item, known) for item in items]
            present = [value for value in values if value is not None]
            return float(FUNCTIONS[name](present)) if len(present) == len(values) else None
    raise TypeError(ast.dump(node))
