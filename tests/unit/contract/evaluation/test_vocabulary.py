from typing import get_args

from contract.evaluation import vocabulary
from contract.evaluation.document import SYSTEMS, LabelMetricName, MetricName, SliceKind


def test_everything_that_is_shown_has_a_name():
    assert set(vocabulary.SYSTEM_NAMES) == set(vocabulary.SYSTEMS_IN_SENTENCES) == set(SYSTEMS)
    assert set(vocabulary.METRIC_NAMES) == set(get_args(MetricName))
    assert set(vocabulary.LABEL_METRIC_NAMES) == set(get_args(LabelMetricName))
    assert set(vocabulary.SLICE_NAMES) == set(get_args(SliceKind))
