import json
from pathlib import Path
from typing import get_type_hints

import pytest
from helpers.evaluations import evaluation
from pydantic import TypeAdapter

from contract.evaluation.document import HEADLINE, SCHEMA_VERSION, SYSTEMS, Evaluation, Metrics
from contract.evaluation.vocabulary import LABEL_METRIC_NAMES, METRIC_NAMES, SYSTEM_NAMES, SYSTEMS_IN_SENTENCES
from release.decision.documents import evaluation_schema

SCHEMA = Path(__file__).parents[4] / "docs/evaluation.schema.json"


@pytest.mark.parametrize("champion", [True, False])
def test_the_evaluation_that_the_tests_share_keeps_the_contract(champion):
    whole = evaluation(champion)
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
