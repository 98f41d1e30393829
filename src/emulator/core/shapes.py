"""Values written and read by botocore's shapes: the one place that uses private parts of botocore's serialisers.

botocore writes requests and reads answers; a server does the reverse, for which only its inner methods serve. They are
Any to the type checker, as its stubs leave private methods out. The tests of the protocol show when one has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.model import Shape
from botocore.parsers import JSONParser, RpcV2CBORParser
from botocore.serialize import CBORSerializer, JSONSerializer, RpcV2CBORSerializer
from botocore.validate import ParamValidator

EMPTY_MAP = b"\xa0"


def faults_of_output(result: dict, shape: Shape) -> str:
    """What does not fit the model, in words, and "" where all does. Lengths and ranges do not count.

    AWS itself does not keep to its own lengths and ranges in what it answers.
    """
    report: Any = ParamValidator().validate(result, shape)
    report._errors = [one for one in report._errors if one[0] not in ("invalid length", "invalid range")]
    return report.generate_report() if report.has_errors() else ""


def from_cbor(body: bytes, shape: Shape | None, timestamp_parser: Callable[[Any], datetime] | None = None) -> dict:
    """The members that a CBOR body holds; {} for no body and for no shape."""
    if shape is None or not body:
        return {}
    parser: Any = RpcV2CBORParser(timestamp_parser=timestamp_parser)
    data = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    return dict(parser._parse_shape(shape, data))


def to_cbor(result: dict, shape: Shape | None) -> bytes:
    """A CBOR body of members that fit the shape."""
    if shape is None:
        return EMPTY_MAP
    body = bytearray()
    writer: Any = RpcV2CBORSerializer(timestamp_precision="millisecond")
    writer._serialize_data_item(body, result, shape)
    return bytes(body)


def to_cbor_without_shape(value: Any) -> bytes:
    """CBOR of plain strings, integers, floats and dictionaries, for errors, which have no output shape."""
    writer: Any = CBORSerializer()
    body = bytearray()

    def write(item: Any) -> None:
        if isinstance(item, dict):
            extra, size = writer._get_additional_info_and_num_bytes(len(item))
            body.extend(writer._get_initial_byte(5, extra) + (len(item).to_bytes(size, "big") if size else b""))
            for key, member in item.items():
                writer._serialize_type_string(body, key, None, None)
                write(member)
        elif isinstance(item, bool):
            writer._serialize_type_boolean(body, item, None, None)
        elif isinstance(item, int):
            writer._serialize_type_integer(body, item, None, None)
        elif isinstance(item, float):
            writer._serialize_type_double(body, item, None, None)
        else:
            writer._serialize_type_string(body, str(item), None, None)

    write(value)
    return bytes(body)


def to_json(members: dict, shape: Shape | None) -> dict:
    """Members as the JSON protocol writes them."""
    text: dict = {}
    if shape is not None:
        writer: Any = JSONSerializer()
        writer._serialize(text, members, shape)
    return text


def from_json(text: dict, shape: Shape | None) -> dict:
    """Members as the JSON protocol wrote them."""
    parser: Any = JSONParser()
    return parser._parse_shape(shape, text) if shape is not None else {}
