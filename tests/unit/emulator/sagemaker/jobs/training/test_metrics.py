import pytest

from emulator.core.errors import AwsError
from emulator.sagemaker.jobs.training.metrics import TrainingMetrics

LOSS = {"Name": "loss", "Regex": r"metric loss=([0-9.e+\-a-z]+)"}
RECALL = {"Name": "recall", "Regex": r"recall=([0-9.]+)"}


def test_the_last_value_of_each_metric_is_final():
    metrics = TrainingMetrics([LOSS, RECALL])
    for line in ("metric loss=0.5", "nothing here", "metric loss=2.5e-1 recall=0.9"):
        metrics.observe(line)
    assert [(each["MetricName"], each["Value"]) for each in metrics.final()] == [("loss", 0.25), ("recall", 0.9)]


def test_every_measurement_is_handed_out_once():
    metrics = TrainingMetrics([LOSS])
    metrics.observe("metric loss=3")
    metrics.observe("metric loss=2")
    assert [each.value for each in metrics.take_pending()] == [3.0, 2.0]
    assert metrics.take_pending() == []
    assert metrics.final()[0]["Value"] == 2.0


def test_what_is_captured_and_is_no_number_does_not_count():
    metrics = TrainingMetrics([LOSS])
    metrics.observe("metric loss=abc")
    assert metrics.final() == []


@pytest.mark.parametrize(("regex", "reason"), [("loss=(", "can't be compiled"), ("loss=.*", "no group")])
def test_a_regex_that_can_never_give_a_value_is_refused(regex, reason):
    with pytest.raises(AwsError, match=reason):
        TrainingMetrics([{"Name": "loss", "Regex": regex}])
