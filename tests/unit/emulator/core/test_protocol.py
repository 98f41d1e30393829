"""The wire formats, without a server."""

import json
from datetime import UTC, datetime

import pytest
from botocore.awsrequest import AWSRequest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st
from moto.core.request import Request

from emulator.core import protocol
from emulator.core.errors import AwsError
from emulator.core.protocol import CBOR, Call


def request_for(service: str, operation: str, parameters: dict, wire: str) -> tuple[Request, bytes]:
    """What boto3 would send for an operation in the given protocol."""
    operation_model = protocol.model(service).operation_model(operation)
    made = create_serializer(wire, include_validation=False).serialize_to_request(parameters, operation_model)
    body = made["body"] or b""
    body = body if isinstance(body, bytes) else AWSRequest(method="POST", data=body).prepare().body.encode()
    headers = dict(made["headers"]) | {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=KEY/20261123/us-east-1/{protocol.model(service).signing_name}"
        "/aws4_request, SignedHeaders=host, Signature=0"
    }
    url = "http://127.0.0.1:1" + made["url_path"]
    return Request.from_primitives(made["method"], url, headers, body), body


@pytest.mark.parametrize("wire", ["json", CBOR])
def test_an_operation_is_recognised_in_the_protocol_that_arrives(wire):
    request, body = request_for("codebuild", "BatchGetBuilds", {"ids": ["a:1"]}, wire)
    call = protocol.recognise(request, body, ["codepipeline", "codebuild"])
    assert (call.service, call.operation, call.protocol) == ("codebuild", "BatchGetBuilds", wire)
    assert call.access_key_id == "KEY"
    assert protocol.parse(call, request, body) == {"ids": ["a:1"]}


def test_a_rest_path_tells_runtime_calls_from_the_other_sagemaker_calls():
    parameters = {"EndpointName": "e-1", "Body": b"\x00\xff", "ContentType": "application/json"}
    request, body = request_for("sagemaker-runtime", "InvokeEndpoint", parameters, "rest-json")
    call = protocol.recognise(request, body, ["sagemaker", "sagemaker-runtime"])
    assert (call.service, call.operation) == ("sagemaker-runtime", "InvokeEndpoint")
    assert protocol.parse(call, request, body) == parameters


@pytest.mark.parametrize(
    ("signing_name", "operation"),
    [("iam", "CreateUser"), ("sts", "GetCallerIdentity"), ("ec2", "DescribeVpcs"), ("monitoring", "PutMetricAlarm")],
)
def test_the_query_names_the_operation_of_services_that_speak_so(signing_name, operation):
    request = request_by_link(signing_name, operation)
    assert protocol.recognise(request, b"", ["codebuild"]).operation == operation


@pytest.mark.parametrize(
    ("signing_name", "operation"),
    [("codebuild", "StartBuild"), ("codepipeline", "PutApprovalResult"), ("sagemaker", "CreateProcessingJob")],
)
def test_the_query_names_no_operation_of_services_that_speak_json(signing_name, operation):
    request = request_by_link(signing_name, operation)
    assert protocol.recognise(request, b"", [signing_name]).operation == ""


def request_by_link(signing_name: str, operation: str) -> Request:
    """What a browser sends for a link that names service and operation."""
    scope = f"x/20261123/us-east-1/{signing_name}/aws4_request"
    return Request.from_primitives("GET", f"http://127.0.0.1:1/?Action={operation}&X-Amz-Credential={scope}", {}, b"")


def test_timestamps_arrive_aware_and_in_utc():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    request, body = request_for("sagemaker", "ListTrainingJobs", {"CreationTimeAfter": moment}, "json")
    call = protocol.recognise(request, body, ["sagemaker"])
    assert protocol.parse(call, request, body) == {"CreationTimeAfter": moment}


def test_a_body_that_is_not_json_is_refused():
    request, _ = request_for("codebuild", "BatchGetBuilds", {"ids": ["a"]}, "json")
    call = protocol.recognise(request, b"{", ["codebuild"])
    with pytest.raises(AwsError, match="unreadable input") as caught:
        protocol.parse(call, request, b"{")
    assert caught.value.code == "SerializationException"


@pytest.mark.parametrize(
    ("operation", "parameters", "complaint"),
    [
        ("StartBuild", {}, "projectName"),
        ("StartBuild", {"projectName": ""}, "projectName, value: 0"),
        ("BatchGetBuilds", {"ids": "one"}, "ids"),
        ("StartBuild", {"projectName": "p", "sourceTypeOverride": "FTP"}, "enum value set"),
        ("StartBuild", {"projectName": "p", "secondarySourcesOverride": [{}] * 13}, "type"),
    ],
)
def test_validation_names_the_member_and_the_constraint(operation, parameters, complaint):
    with pytest.raises(AwsError, match=complaint) as caught:
        protocol.validate(Call("codebuild", operation, "json", "KEY"), parameters, "InvalidInputException")
    assert caught.value.code == "InvalidInputException"


def test_validation_checks_patterns():
    with pytest.raises(AwsError, match="regular expression pattern"):
        protocol.validate(Call("sagemaker", "DeleteEndpoint", "json", "KEY"), {"EndpointName": "under_score"})
    protocol.validate(Call("sagemaker", "DeleteEndpoint", "json", "KEY"), {"EndpointName": "dash-ed"})


@pytest.mark.parametrize("wire", ["json", CBOR])
@given(name=st.text(max_size=40), attempts=st.integers(-(2**31), 2**31 - 1), seconds=st.integers(0, 2**31))
def test_an_answer_reads_back_as_it_was_given(wire, name, attempts, seconds):
    moment = datetime.fromtimestamp(seconds, UTC)
    result = {
        "builds": [{"id": name, "buildNumber": attempts, "startTime": moment, "buildComplete": True, "arn": None}]
    }
    call = Call("codebuild", "BatchGetBuilds", wire, "KEY")
    written = protocol.answer(call, result)
    parsed = create_parser(wire).parse(
        {"body": written.body, "headers": written.headers, "status_code": written.status},
        protocol.model("codebuild").operation_model("BatchGetBuilds").output_shape,
    )
    assert parsed["builds"] == [{"id": name, "buildNumber": attempts, "startTime": moment, "buildComplete": True}]


def test_an_answer_that_the_model_does_not_know_is_our_own_error():
    with pytest.raises(TypeError, match="surprise"):
        protocol.answer(Call("codebuild", "BatchGetBuilds", "json", "KEY"), {"surprise": 1})


@pytest.mark.parametrize("wire", ["json", "rest-json", CBOR, "query", "rest-xml"])
def test_an_error_is_understood_by_every_sdk_parser(wire):
    service, operation = {
        "json": ("sagemaker", "DescribeEndpoint"),
        "rest-json": ("sagemaker-runtime", "InvokeEndpoint"),
        CBOR: ("codebuild", "BatchGetBuilds"),
        "query": ("sns", "CreateTopic"),
        "rest-xml": ("s3", "GetObject"),
    }[wire]
    written = protocol.error_answer(Call(service, operation, wire, "KEY"), AwsError("Denied", "a < b & c", 403))
    parsed = create_parser(wire).parse(
        {"body": written.body, "headers": written.headers, "status_code": written.status},
        protocol.model(service).operation_model(operation).output_shape,
    )
    assert parsed["Error"]["Code"] == "Denied"
    assert parsed["Error"]["Message"] == "a < b & c"


def test_an_error_carries_its_modelled_members():
    error = AwsError("ModelError", "no", 424, {"OriginalStatusCode": 400})
    written = protocol.error_answer(Call("sagemaker-runtime", "InvokeEndpoint", "rest-json", "KEY"), error)
    assert json.loads(written.body)["OriginalStatusCode"] == 400
