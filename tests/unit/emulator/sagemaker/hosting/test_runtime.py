"""InvokeEndpoint as a client sees it."""

import io
import json
import os
import signal
import tarfile
import time

import pytest
from botocore.exceptions import ClientError
from waiting import wait_until

from emulator.core.errors import AwsError
from emulator.sagemaker.hosting import fleet
from emulator.sagemaker.hosting.runtime import ABSENT, SageMakerRuntime

CODE = """
import json, os, time
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    request = json.loads(body)
    if "text" not in request:
        raise ValueError("the request has no text")
    return request
def predict_fn(data, model, context):
    time.sleep(data.get("seconds", 0))
    return {"pid": os.getpid(), "attributes": context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")}
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


@pytest.fixture(scope="module")
def endpoint(aws):
    """The name of an endpoint in service with two variants, `big` (weight 3) and `small` (weight 1)."""
    sagemaker, s3 = aws("sagemaker"), aws("s3")
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws("iam").create_role(RoleName="runtime", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(CODE)
        tar.addfile(entry, io.BytesIO(CODE.encode()))
    s3.create_bucket(Bucket="runtime-models")
    s3.put_object(Bucket="runtime-models", Key="m.tar.gz", Body=written.getvalue())
    container = {"Image": "i", "ModelDataUrl": "s3://runtime-models/m.tar.gz"}
    sagemaker.create_model(ModelName="runtime", ExecutionRoleArn=role, PrimaryContainer=container)
    variants = [
        {
            "VariantName": name,
            "ModelName": "runtime",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for name, weight in (("big", 3.0), ("small", 1.0))
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="runtime", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="runtime", EndpointConfigName="runtime")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName="runtime")["EndpointStatus"] == "InService", seconds=40)
    yield "runtime"
    sagemaker.delete_endpoint(EndpointName="runtime")


@pytest.fixture(scope="module")
def invoke(aws):
    """invoke(endpoint, body, ...) -> InvokeEndpoint's answer with the body read and decoded."""

    def call(name: str, body: bytes = b'{"text": "a"}', **options) -> dict:
        options.setdefault("ContentType", "application/json")
        answer = aws("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **options)
        return {**answer, "Body": json.loads(answer["Body"].read())}

    return call


def test_the_answer_names_the_variant_and_its_type(endpoint, invoke):
    answer = invoke(endpoint, TargetVariant="small", CustomAttributes="trace=1")
    assert answer["InvokedProductionVariant"] == "small"
    assert answer["ContentType"] == "application/json"
    assert answer["Body"]["attributes"] == "trace=1"


def test_variants_are_asked_by_weight(endpoint, invoke):
    names = [invoke(endpoint)["InvokedProductionVariant"] for _ in range(8)]
    assert (names.count("big"), names.count("small")) == (6, 2)


def test_a_handlers_error_is_a_model_error_with_the_models_own_status_and_message(endpoint, invoke):
    with pytest.raises(ClientError) as caught:
        invoke(endpoint, b"{}")
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    assert json.loads(response["OriginalMessage"])["message"] == "the request has no text"
    assert "Received client error (400) from primary with message" in response["Error"]["Message"]
    assert "log-group:/aws/sagemaker/Endpoints/runtime:log-stream:" in response["LogStreamArn"]
    assert invoke(endpoint)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nobody", {}, "Endpoint nobody of account 123456789012 not found."),
        ("runtime", {"TargetVariant": "absent"}, "Variant absent not found"),
        ("runtime", {"body": b"x" * 6_291_457}, "less than or equal to 6291456"),
    ],
)
def test_a_request_that_no_model_can_get_is_a_validation_error(endpoint, invoke, name, options, message):
    with pytest.raises(ClientError, match=message) as caught:
        invoke(name, **options)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_invocations_reach_cloudwatch_within_seconds(endpoint, invoke, aws):
    invoke(endpoint, TargetVariant="small")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "small"}]
    points = wait_until(
        lambda: aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ModelLatency",
            Dimensions=dimensions,
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=60,
            Statistics=["Average", "SampleCount"],
        )["Datapoints"]
    )
    assert points[0]["SampleCount"] >= 1
    assert 10 < points[0]["Average"] < 10_000_000  # microseconds


def test_a_model_that_takes_too_long_is_a_model_error_without_a_status(endpoint, invoke, monkeypatch):
    monkeypatch.setattr(fleet, "INVOCATION_SECONDS", 0.2)
    with pytest.raises(ClientError, match="Your invocation timed out") as caught:
        invoke(endpoint, b'{"text": "a", "seconds": 0.6}', TargetVariant="big")
    assert caught.value.response["OriginalStatusCode"] == 0


def test_a_killed_model_server_is_unavailable_and_then_started_again(endpoint, invoke):
    killed = invoke(endpoint, TargetVariant="small")["Body"]["pid"]
    os.kill(killed, signal.SIGKILL)
    codes = set()

    def pid() -> int | None:
        try:
            return invoke(endpoint, TargetVariant="small")["Body"]["pid"]
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
            return None

    answered = wait_until(pid)
    assert codes == {"ServiceUnavailable"}
    assert answered not in (None, killed)


def test_streaming_is_refused_by_name(endpoint, aws):
    with pytest.raises(ClientError, match="InvokeEndpointWithResponseStream is not emulated"):
        aws("sagemaker-runtime").invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"x")


@pytest.mark.parametrize("member", ABSENT)
def test_what_no_model_here_could_do_is_refused_by_name(cloud, member):
    with pytest.raises(AwsError, match=f"InvokeEndpoint with {member} is not emulated") as refusal:
        SageMakerRuntime(cloud, endpoints=None).invoke_endpoint({"EndpointName": "e", "Body": b"", member: "x"}, None)
    assert refusal.value.status == 501
