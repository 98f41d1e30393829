"""The wire: from an HTTP request to the operation and its input, and from an output to the HTTP answer.

Shapes come from botocore's models. JSON, REST and query protocols are parsed and written by moto's own parsers;
smithy-rpc-v2-cbor, which newer SDKs of other languages speak to some services and moto does not know, is handled here.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs

from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from emulator.core import shapes
from emulator.core.errors import AwsError

CBOR = "smithy-rpc-v2-cbor"
_CBOR_PATH = re.compile(r"^/service/([^/]+)/operation/([^/]+)$")
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(?:\d{8})/([^/]+)/([^/]+)/aws4_request")

# Names in the credential scope of a signature that differ from botocore's service names.
SIGNING_NAMES = {
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "servicequotas": "service-quotas",
    "eventbridge": "events",
}
# REST services that share the signing name of a service that is called by target header.
_REST_SIBLINGS = {"sagemaker": ("sagemaker-runtime", "sagemaker-metrics")}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """One request, recognised: which operation of which service, spoken in which protocol, signed by which key."""

    service: str  # botocore's service name
    operation: str  # "" where it could not be told
    protocol: str  # json, rest-json, rest-xml, query, ec2 or smithy-rpc-v2-cbor
    access_key_id: str
    uri_params: dict = field(default_factory=dict)


@functools.cache
def model(service: str) -> ServiceModel:
    """botocore's model of a service (with moto's additions). Raises UnknownServiceError."""
    return get_service_model(service)


@functools.cache
def _target_prefix(service: str) -> str | None:
    return model(service).metadata.get("targetPrefix")


@functools.cache
def _speaks_query(service: str) -> bool:
    return not {"query", "ec2"}.isdisjoint(model(service).metadata["protocols"])


def credential(request: Request) -> tuple[str, str]:
    """(access key id, signing name) of a request; empty strings where it is not signed."""
    source = request.headers.get("Authorization") or "Credential=" + request.args.get("X-Amz-Credential", "")
    match = _CREDENTIAL.search(source)
    return (match.group(1), match.group(3).lower()) if match else ("", "")


def recognise(request: Request, body: bytes, own_services: list[str]) -> Call:
    """Tell service, operation and protocol of a request; `own_services` are those whose models are consulted.

    The protocol is the one that arrived, not the one that botocore prefers: Terraform's SDK and boto3 differ.
    """
    access_key_id, signing_name = credential(request)
    scope = SIGNING_NAMES.get(signing_name, signing_name)

    if (match := _CBOR_PATH.match(request.path)) and request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Call(_by_target_prefix(match.group(1), [scope, *own_services]), match.group(2), CBOR, access_key_id)

    if target := request.headers.get("X-Amz-Target"):
        prefix, _, operation = target.rpartition(".")
        return Call(_by_target_prefix(prefix, [scope, *own_services]), operation, "json", access_key_id)

    # Only where the service knows such requests: a link may not start what has to be asked for in JSON.
    if (action := _action(request, body)) and _speaks_query(scope or "sts"):
        return Call(scope or "sts", action, "ec2" if scope == "ec2" else "query", access_key_id)

    for service in (*_REST_SIBLINGS.get(scope, ()), scope or "s3"):
        try:
            routed, uri_params = get_service_router(service).match(request)
        except (HTTPException, NotImplementedError):
            continue
        return Call(service, routed.name, str(model(service).protocol), access_key_id, uri_params)
    return Call(scope or "s3", "", "rest-xml" if scope in ("", "s3") else "rest-json", access_key_id)


def _action(request: Request, body: bytes) -> str:
    if request.content_type and request.content_type.startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return request.args.get("Action", "")


def _by_target_prefix(prefix: str, candidates: list[str]) -> str:
    for service in candidates:
        if service and _target_prefix(service) == prefix:
            return service
    return candidates[0]


def parse(call: Call, request: Request, body: bytes) -> dict:
    """The operation's input: members by their model names, timestamps as aware datetimes, blobs as bytes.

    Raises AwsError where the body does not have the protocol's form.
    """
    operation = _operation_model(call)
    if operation.input_shape is None:
        return {}
    try:
        if call.protocol == CBOR:
            return shapes.from_cbor(body, operation.input_shape, _utc)
        if call.protocol == "json":
            json.loads(body or b"{}")  # moto's parser would take anything
        parsed = PROTOCOL_PARSERS[call.protocol](operation, timestamp_parser=_utc).parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": body,
                "url_params": call.uri_params,
                "url_path": request.path,
            }
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise AwsError(
            "SerializationException", f"{call.service}:{call.operation}: unreadable input: {error}"
        ) from error
    return {name: value for name, value in parsed.items() if value is not None}


def _operation_model(call: Call) -> OperationModel:
    try:
        return model(call.service).operation_model(call.operation)
    except Exception as error:
        raise AwsError("UnknownOperationException", f"{call.service} has no operation {call.operation!r}.") from error


def _utc(value) -> datetime:
    return parse_timestamp(value).astimezone(UTC)


def validate(call: Call, parameters: dict, error_code: str = "ValidationException") -> None:
    """Check an input as AWS does before it looks at anything else.

    Raises AwsError(error_code) that names every wrong member: type, required, range, length, pattern, enumeration.
    """
    shape = _operation_model(call).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(parameters, shape)
    found = [line.removeprefix("Input.") for line in report.generate_report().splitlines() if line]
    if not found:
        found = list(_constraint_errors(parameters, shape, ""))
    if found:
        plural = "s" if len(found) > 1 else ""
        raise AwsError(error_code, f"{len(found)} validation error{plural} detected: " + "; ".join(found))


def _constraint_errors(value, shape, path: str):
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return
        for name, member in value.items():
            yield from _constraint_errors(member, shape.members[name], f"{path}.{name}" if path else name)
        return
    if kind == "list":
        yield from _length_errors(value, shape, path)
        for index, member in enumerate(value):
            yield from _constraint_errors(member, shape.member, f"{path}[{index}]")
    elif kind == "map":
        yield from _length_errors(value, shape, path)
        for key, member in value.items():
            yield from _constraint_errors(key, shape.key, f"{path} (key)")
            yield from _constraint_errors(member, shape.value, f"{path}.{key}")
    elif kind == "string":
        yield from _length_errors(value, shape, path)
        pattern = _pattern(shape.metadata.get("pattern"))
        if pattern and not pattern.fullmatch(value):
            yield _constraint(value, path, f"satisfy regular expression pattern: {shape.metadata['pattern']}")
        allowed = shape.metadata.get("enum")
        if allowed and value not in allowed:
            yield _constraint(value, path, f"satisfy enum value set: [{', '.join(allowed)}]")
    elif kind in ("integer", "long", "float", "double") and value > shape.metadata.get("max", value):
        yield _constraint(value, path, f"have value less than or equal to {shape.metadata['max']}")


def _length_errors(value, shape, path: str):
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < low:
        yield _constraint(value, path, f"have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _constraint(value, path, f"have length less than or equal to {high}")


def _constraint(value, path: str, wanted: str) -> str:
    shown = str(value)
    shown = shown if len(shown) <= 120 else shown[:117] + "..."
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must {wanted}"


@functools.cache
def _pattern(text: str | None) -> re.Pattern | None:
    if not text:
        return None
    try:
        # Some models write Java's character classes, which Python's re does not have: those are not checked.
        return re.compile(text, re.DOTALL)
    except re.error:
        return None


def answer(call: Call, result: dict | None) -> Answer:
    """Write an operation's output in the protocol of the call. Raises TypeError where it does not fit the model."""
    operation = _operation_model(call)
    result = _without_none(result or {})
    if operation.output_shape is not None:
        if faults := shapes.faults_of_output(result, operation.output_shape):
            raise TypeError(f"{call.service}:{call.operation} answered wrongly: {faults}")
    elif result:
        raise TypeError(f"{call.service}:{call.operation} has no output, but answered {sorted(result)}")
    if call.protocol == CBOR:
        return _cbor(200, shapes.to_cbor(result, operation.output_shape))
    written = get_serializer_class(call.service, call.protocol)(operation).serialize(result)
    headers = {name: str(value) for name, value in written["headers"].items()}
    if call.protocol == "json":
        headers["Content-Type"] = f"application/x-amz-json-{operation.metadata.get('jsonVersion', '1.0')}"
    body = written["body"]
    return Answer(written["status_code"], headers, body.encode() if isinstance(body, str) else body)


def _without_none(value):
    if isinstance(value, dict):
        return {key: _without_none(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [_without_none(member) for member in value]
    return value


def _cbor(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer(
        status, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", **(headers or {})}, body
    )


def error_answer(call: Call | None, error: AwsError) -> Answer:
    """Write an error as the protocol of the call wants it; `call` is None where it could not be recognised."""
    protocol = call.protocol if call else "rest-xml"
    if protocol == CBOR:
        members = {"__type": error.code, "message": error.message, **error.members}
        return _cbor(
            error.status, shapes.to_cbor_without_shape(members), {"x-amzn-query-error": f"{error.code};Sender"}
        )
    if protocol in ("json", "rest-json"):
        members = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        return Answer(error.status, headers, json.dumps(members).encode())

    code, message = _xml(error.code), _xml(error.message)
    inner = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol == "rest-xml":
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}<RequestId>emulator</RequestId></Error>"
    elif protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>emulator</RequestID></Response>"
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>emulator</RequestId></ErrorResponse>"
        )
    return Answer(error.status, {"Content-Type": "text/xml"}, text.encode())


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def through_json(call: Call, body: bytes, environ: dict, ask) -> Answer:
    """Answer a CBOR request by asking moto, which does not speak CBOR, in JSON.

    `ask(body, environ) -> Answer` sends a request to moto.
    """
    operation = _operation_model(call)
    text = shapes.to_json(shapes.from_cbor(body, operation.input_shape), operation.input_shape)
    metadata = operation.metadata
    sent = {name: value for name, value in environ.items() if name != "HTTP_SMITHY_PROTOCOL"}
    sent["HTTP_X_AMZ_TARGET"] = f"{metadata['targetPrefix']}.{operation.name}"
    sent["CONTENT_TYPE"] = f"application/x-amz-json-{metadata.get('jsonVersion', '1.0')}"
    sent["PATH_INFO"] = sent["RAW_URI"] = sent["REQUEST_URI"] = "/"
    answered = ask(json.dumps(text).encode(), sent)
    found = json.loads(answered.body or b"{}")
    if answered.status >= 300:
        code = str(found.get("__type", "InternalFailure")).rsplit("#", 1)[-1]
        message = found.get("message") or found.get("Message") or ""
        return error_answer(call, AwsError(code, message, answered.status))
    result = shapes.from_json(found, operation.output_shape)
    return _cbor(200, shapes.to_cbor(result, operation.output_shape))
