from typing import get_args

import pytest
from helpers import evaluations, reports
from pydantic import TypeAdapter, ValidationError

from contract.evaluation.document import (
    OTHER_SYSTEMS,
    SYSTEMS,
    Comparisons,
    Evaluation,
    IdentityAucs,
    LabelMetricName,
    LabelMetrics,
    MetricName,
    Metrics,
    Slice,
)


def test_names_are_those_of_the_keys():
    assert set(get_args(MetricName)) == Metrics.__annotations__.keys()
    assert set(get_args(LabelMetricName)) == LabelMetrics.__annotations__.keys() - {"positives", "intervals"}
    assert set(OTHER_SYSTEMS) == Comparisons.__annotations__.keys()
    assert set(SYSTEMS) <= Evaluation.__annotations__.keys()
    assert IdentityAucs.__annotations__.keys() == Slice.__optional_keys__


@pytest.mark.parametrize("make", [evaluations.evaluation, reports.evaluation])
def test_the_evaluations_of_the_tests_are_evaluations(make):
    assert TypeAdapter(Evaluation).validate_python(make(), strict=True) == make()


def test_another_schema_is_none():
    with pytest.raises(ValidationError):
        TypeAdapter(Evaluation).validate_python(reports.evaluation() | {"schema_version": 2}, strict=True)
