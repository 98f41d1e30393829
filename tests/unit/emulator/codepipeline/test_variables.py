"""References to variables in configurations."""

import json

import pytest

from emulator.codepipeline.variables import references, resolve, resolve_configuration

NAMESPACES = {"Evaluate": {"GATE": "PASS", "WORDS": 'a "b"\nc'}, "codepipeline": {"PipelineExecutionId": "1"}}


def test_references_are_replaced_wherever_they_stand():
    assert resolve("#{Evaluate.GATE}-#{codepipeline.PipelineExecutionId} #Evaluate ${GATE}", NAMESPACES) == (
        "PASS-1 #Evaluate ${GATE}"
    )


def test_values_within_json_stay_values():
    text = json.dumps([{"name": "W", "value": "#{Evaluate.WORDS}", "type": "PLAINTEXT"}])
    found = resolve_configuration({"EnvironmentVariables": text, "ProjectName": "p"}, NAMESPACES)
    assert json.loads(found["EnvironmentVariables"])[0]["value"] == 'a "b"\nc'
    assert found["ProjectName"] == "p"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("#{Evaluate.MISSING}", "#{Evaluate.MISSING} has no value; variables of Evaluate with a value: GATE, WORDS"),
        ("#{Train.X}", "variables of Train with a value: none"),
        ("#{GATE}", "expected #{namespace.key}"),
    ],
)
def test_a_variable_without_value_is_named(value, said):
    with pytest.raises(ValueError, match=said):
        resolve(value, NAMESPACES)


def test_references_are_found_before_anything_runs():
    assert list(references("#{a.b} and #{c-d.e_f}")) == [("a", "b"), ("c-d", "e_f")]
