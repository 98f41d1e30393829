import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from helpers import evaluations, reports
from pydantic import TypeAdapter, ValidationError

from contract.evaluation.document import (
    HEADLINE,
    OTHER_SYSTEMS,
    SCHEMA_VERSION,
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
from contract.evaluation.vocabulary import LABEL_METRIC_NAMES, METRIC_NAMES, SYSTEM_NAMES, SYSTEMS_IN_SENTENCES
from release.decision.documents import evaluation_schema

SCHEMA = Path(__file__).parents[4] / "docs/evaluation.schema.json"


@pytest.mark.parametrize("whole", [evaluations.evaluation(True), evaluations.evaluation(False), reports.evaluation()])
def test_the_evaluations_that_the_tests_share_keep_the_contract(whole):
    content = json.dumps(whole)
    assert TypeAdapter(Evaluation).validate_json(content, strict=True, extra="forbid") == whole


def test_the_schema_in_docs_is_that_of_the_type():
    assert SCHEMA.read_text() == evaluation_schema(), "renew it with: python -m release schema"


def test_the_schema_names_its_version():
    assert json.loads(SCHEMA.read_text())["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_every_figure_and_every_system_has_a_name_for_people():
    assert set(METRIC_NAMES) == set(get_type_hints(Metrics))
    assert HEADLINE in METRIC_NAMES
    assert set(SYSTEM_NAMES) == set(SYSTEMS_IN_SENTENCES) == set(SYSTEMS)
    assert {"average_precision", "auroc", "precision", "recall", "f1"} <= set(LABEL_METRIC_NAMES)


def test_names_are_those_of_the_keys():
    assert set(get_args(MetricName)) == Metrics.__annotations__.keys()
    assert set(get_args(LabelMetricName)) == LabelMetrics.__annotations__.keys() - {"positives", "intervals"}
    assert set(OTHER_SYSTEMS) == Comparisons.__annotations__.keys()
    assert set(SYSTEMS) <= Evaluation.__annotations__.keys()
    assert IdentityAucs.__annotations__.keys() == Slice.__optional_keys__


def test_another_schema_is_none():
    with pytest.raises(ValidationError):
        TypeAdapter(Evaluation).validate_python(reports.evaluation() | {"schema_version": 2}, strict=True)
