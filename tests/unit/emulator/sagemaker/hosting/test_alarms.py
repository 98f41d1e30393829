"""Alarms evaluated on the samples of an endpoint."""

import pytest

from emulator.sagemaker.hosting.alarms import calculate, evaluate, is_ours, summarise

NOW = 1_000_000.0


def alarm(**changes) -> dict:
    return {
        "AlarmName": "errors",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 0.1,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }


def samples_of(**series):
    """Samples for metrics by name: [(seconds ago, value)]."""

    def samples(metric_name, dimensions, since):
        assert dimensions == {"EndpointName": "e", "VariantName": "v"}
        found = sorted((NOW - ago, value) for ago, value in series.get(metric_name, []))
        return [sample for sample in found if sample[0] >= since]

    return samples


def state(definition: dict, time_scale: float = 1.0, **series) -> str:
    return evaluate(definition, samples_of(**series), NOW, time_scale).state


def test_an_alarm_goes_off_when_all_its_periods_breach():
    assert state(alarm(), Invocation5XXErrors=[(30, 1.0), (90, 1.0)]) == "ALARM"


def test_one_breaching_period_of_two_is_not_enough():
    assert state(alarm(), Invocation5XXErrors=[(30, 1.0), (90, 0.0)]) == "OK"


def test_datapoints_to_alarm_lowers_the_demand():
    assert state(alarm(DatapointsToAlarm=1), Invocation5XXErrors=[(30, 1.0), (90, 0.0)]) == "ALARM"


def test_what_is_older_than_the_evaluated_periods_does_not_count():
    assert state(alarm(), Invocation5XXErrors=[(30, 0.0), (90, 0.0), (121, 1.0), (179, 1.0)]) == "OK"


def test_periods_are_divided_by_the_time_scale():
    errors = [(0.5, 1.0), (1.5, 1.0)]
    assert state(alarm(), time_scale=60, Invocation5XXErrors=errors) == "ALARM"
    assert state(alarm(), time_scale=1, Invocation5XXErrors=errors) == "OK"


def test_no_data_is_insufficient_unless_the_alarm_says_otherwise():
    assert state(alarm()) == "INSUFFICIENT_DATA"
    assert state(alarm(TreatMissingData="notBreaching")) == "OK"
    assert state(alarm(TreatMissingData="breaching")) == "ALARM"


def test_an_error_rate_by_metric_math_counts_only_above_a_number_of_requests():
    def stat(name, metric):
        dimensions = alarm()["Dimensions"]
        of = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
        return {"Id": name, "MetricStat": {"Metric": of, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    rate = alarm(
        Metrics=[
            {"Id": "percent", "Expression": "IF(requests >= 3, 100 * errors / requests, 0)", "ReturnData": True},
            stat("errors", "Invocation5XXErrors"),
            stat("requests", "Invocations"),
        ],
        Threshold=50,
        EvaluationPeriods=1,
    )
    two = {"Invocation5XXErrors": [(1, 1.0), (2, 1.0)], "Invocations": [(1, 1.0), (2, 1.0)]}
    three = {name: [*found, (3, 1.0)] for name, found in two.items()}
    assert state(rate, **two) == "OK"
    assert state(rate, **three) == "ALARM"
    assert is_ours(rate)


def test_a_percentile_of_few_samples_keeps_the_state_where_the_alarm_asks_for_it():
    slow = alarm(
        Statistic=None,
        ExtendedStatistic="p99",
        MetricName="ModelLatency",
        EvaluationPeriods=1,
        Threshold=10,
        StateValue="OK",
        StateReason="before",
    )
    few, many = [(1, 50.0)] * 999, [(1, 50.0)] * 1000
    asked = {**slow, "EvaluateLowSampleCountPercentile": "ignore"}
    assert state(asked, ModelLatency=few) == "OK"
    assert state(asked, ModelLatency=many) == "ALARM"
    assert state(slow, ModelLatency=few) == "ALARM"


def test_an_alarm_on_a_metric_of_somebody_else_is_not_ours_to_evaluate():
    assert not is_ours(alarm(Namespace="AWS/Lambda"))
    assert is_ours(alarm())


def test_the_reason_names_values_and_threshold():
    verdict = evaluate(alarm(), samples_of(Invocation5XXErrors=[(30, 0.25), (90, 0.5)]), NOW, 1)
    assert verdict.reason == "Threshold Crossed: 2 datapoints [0.25, 0.5] were greater than the threshold (0.1)."


def test_anomaly_detection_is_refused_by_name():
    with pytest.raises(ValueError, match=r"LessThanLowerThreshold.*anomaly detection is not emulated"):
        state(alarm(ComparisonOperator="LessThanLowerThreshold"))


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2), ("p99", 4)],
)
def test_statistics_are_those_of_cloudwatch(statistic, expected):
    assert summarise([4, 1, 3, 2], statistic) == expected


def test_an_unknown_statistic_is_refused_by_name():
    with pytest.raises(ValueError, match="tm90"):
        summarise([1.0], "tm90")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * (a + b) / c", 75.0),
        ("a / zero", None),
        ("a + absent", None),
        ("FILL(absent, 7) - a", 6.0),
        ("MAX([a, b, c])", 4.0),
        ("AVG([a, b])", 1.5),
        ("IF(a > b, 1, -1)", -1.0),
    ],
)
def test_metric_math(expression, expected):
    assert calculate(expression, {"a": 1.0, "b": 2.0, "c": 4.0, "zero": 0.0, "absent": None}) == expected


@pytest.mark.parametrize("expression", ["SEARCH('x', 'Sum')", "a +", "nobody", "__import__('os')", "a.real"])
def test_what_metric_math_is_not_known_is_refused(expression):
    with pytest.raises(ValueError, match="expected numbers, metric ids"):
        calculate(expression, {"a": 1.0})
