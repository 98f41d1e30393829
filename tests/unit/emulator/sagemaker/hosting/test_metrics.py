"""What one invocation adds to the metrics of an endpoint."""

from datetime import UTC, datetime

import pytest

from emulator.sagemaker.hosting.metrics import EndpointMetrics, Invocation, as_metric_data, metrics_of


def invocation(status: int = 200, instances: int = 1) -> Invocation:
    return Invocation("e", "v", instances, status, model_seconds=0.25, overhead_seconds=0.001)


@pytest.mark.parametrize(
    ("status", "client_errors", "server_errors"), [(200, 0, 0), (400, 1, 0), (500, 0, 1), (503, 0, 1)]
)
def test_error_metrics_are_zero_or_one_so_that_their_average_is_a_rate(status, client_errors, server_errors):
    metrics = metrics_of(invocation(status))
    assert (metrics["Invocation4XXErrors"], metrics["Invocation5XXErrors"]) == (client_errors, server_errors)


def test_latencies_are_microseconds():
    metrics = metrics_of(invocation())
    assert metrics["ModelLatency"] == pytest.approx(250_000)
    assert metrics["OverheadLatency"] == pytest.approx(1_000)


def test_invocations_per_instance_shares_a_request_between_the_instances():
    assert metrics_of(invocation(instances=4))["InvocationsPerInstance"] == 0.25


def test_all_values_of_a_second_become_one_statistic_set():
    (datum,) = as_metric_data({("ModelLatency", "e", "v"): [30.0, 10.0, 20.0]}, datetime(2026, 1, 1, tzinfo=UTC))
    assert datum["StatisticValues"] == {"SampleCount": 3.0, "Sum": 60.0, "Minimum": 10.0, "Maximum": 30.0}
    assert datum["Unit"] == "Microseconds"
    assert datum["Dimensions"] == [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}]


def test_samples_are_found_by_endpoint_and_variant(cloud):
    metrics = EndpointMetrics(cloud)
    metrics.record(invocation(500))
    metrics.close()
    mine = {"EndpointName": "e", "VariantName": "v"}
    assert [value for _, value in metrics.samples("Invocation5XXErrors", mine, since=0)] == [1.0]
    assert metrics.samples("Invocation5XXErrors", {**mine, "VariantName": "w"}, since=0) == []
    assert metrics.samples("Invocation5XXErrors", mine, since=4e9) == []
