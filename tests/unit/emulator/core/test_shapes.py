"""Values on the wire, by botocore's shapes."""

from datetime import UTC, datetime

import pytest

from emulator.core.protocol import model
from emulator.core.shapes import (
    EMPTY_MAP,
    faults_of_output,
    from_cbor,
    from_json,
    to_cbor,
    to_cbor_without_shape,
    to_json,
)

PUT = model("cloudwatch").operation_model("PutMetricData").input_shape
LIST = model("codebuild").operation_model("ListProjects")
DATA = {
    "Namespace": "N",
    "MetricData": [{"MetricName": "m", "Value": 1.5, "Timestamp": datetime(2026, 1, 1, tzinfo=UTC)}],
}


def test_what_is_written_in_cbor_is_read_again():
    assert from_cbor(to_cbor(DATA, PUT), PUT) == DATA


def test_no_shape_is_an_empty_map_and_an_empty_body_no_members():
    assert to_cbor({}, None) == EMPTY_MAP
    assert from_cbor(EMPTY_MAP, None) == from_cbor(b"", PUT) == {}


def test_an_error_needs_no_shape():
    message = to_cbor_without_shape({"__type": "Refused", "count": 3, "share": 0.5, "final": True, "inner": {"a": "b"}})
    assert message.startswith(b"\xa5\x66__type\x67Refused")
    assert message.endswith(b"\x65inner\xa1\x61a\x61b")


def test_json_has_times_as_numbers():
    text = to_json(DATA, PUT)
    assert text["MetricData"][0]["Timestamp"] == pytest.approx(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert from_json({"projects": ["a"], "unknown": 1}, LIST.output_shape) == {"projects": ["a"]}
    assert to_json({}, None) == from_json({}, None) == {}


def test_an_answer_is_held_to_its_types_but_not_to_its_lengths():
    assert faults_of_output({"projects": []}, LIST.output_shape) == ""
    assert "Invalid type for parameter projects" in faults_of_output({"projects": "a"}, LIST.output_shape)
