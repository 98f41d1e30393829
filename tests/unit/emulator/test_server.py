"""The running server: dispatch, refusals, the record of calls, start and stop."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from waiting import wait_until

from emulator.core import protocol
from emulator.core.service import Service
from emulator.server import Emulator

SRC = Path(__file__).parents[3] / "src"


def calls(cloud) -> list[dict]:
    return [json.loads(line) for line in (cloud.root / "calls.jsonl").read_text().splitlines()]


def test_health_names_the_services(cloud_url):
    with urllib.request.urlopen(f"{cloud_url}/_emulator/health") as answer:
        assert "codecommit" in json.load(answer)["services"]


def status_of(url: str, method: str = "GET", **headers: str) -> int:
    """The status of a request with these headers, beside those that a program would send."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=sent, method=method)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
        {"Host": "elsewhere.example"},
        {"Host": "127.0.0.1.elsewhere.example:80"},
        {"Host": "127.0.0.1"},
    ],
)
@pytest.mark.parametrize("path", ["/_emulator/health", "/", "/?Action=GetCallerIdentity", "/git/a/b/info/refs"])
def test_what_a_web_page_sends_is_refused_on_every_path(cloud_url, path, headers):
    assert status_of(cloud_url + path, **headers) == 403


def test_a_web_page_cannot_take_back_an_instance_either(cloud_url):
    assert status_of(f"{cloud_url}/_emulator/sagemaker/interrupt/j", "POST", Origin=cloud_url) == 403


def test_programs_reach_the_emulator_by_its_other_name_too(cloud_url):
    assert status_of(cloud_url.replace("127.0.0.1", "localhost") + "/_emulator/health") == 200


def test_a_link_starts_no_build(cloud, cloud_url):
    query = urllib.parse.urlencode(
        {
            "Action": "StartBuild",
            "X-Amz-Credential": "x/20261123/us-east-1/codebuild/aws4_request",
            "projectName": "by-link",
        }
    )
    before = len(calls(cloud))
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"{cloud_url}/?{query}")
    assert "StartBuild" not in {call["operation"] for call in calls(cloud)[before:]}


def test_a_presigned_link_gives_a_program_the_object_and_opens_it_to_no_page(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="report.html", Body=b"report")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "report.html"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"report"
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert status_of(url, Sec_Fetch_Site="cross-site") == 403


def test_what_is_not_emulated_names_service_and_operation(aws):
    with pytest.raises(ClientError) as caught:
        aws("codecommit").list_pull_requests(repositoryName="r")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "codecommit:ListPullRequests is not emulated" in str(caught.value)


def test_what_moto_does_not_emulate_is_refused_as_well(aws):
    with pytest.raises(ClientError) as caught:
        aws("kms").derive_shared_secret(KeyId="k", KeyAgreementAlgorithm="ECDH", PublicKey=b"0" * 44)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "kms:DeriveSharedSecret" in str(caught.value)


def test_a_fault_of_our_own_is_a_500_and_the_server_lives_on(cloud, aws, monkeypatch):
    def broken(self, request, caller):
        return {"nonsense": 1}

    monkeypatch.setattr(type(cloud.services["codecommit"]), "list_repositories", broken)
    with pytest.raises(ClientError) as caught:
        aws("codecommit").list_repositories()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    monkeypatch.undo()
    assert "repositories" in aws("codecommit").list_repositories()


def over_cbor(url: str, service: str, operation: str, parameters: dict) -> dict:
    """Call an operation as an SDK does that speaks smithy-rpc-v2-cbor, which boto3 does only where there's no JSON."""
    operation_model = protocol.model(service).operation_model(operation)
    made = create_serializer(protocol.CBOR).serialize_to_request(parameters, operation_model)
    scope = f"KEY/20261123/us-east-1/{protocol.model(service).signing_name}/aws4_request"
    headers = dict(made["headers"]) | {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"}
    sent = urllib.request.Request(url + made["url_path"], bytes(made["body"]), headers, method="POST")
    try:
        with urllib.request.urlopen(sent) as answer:
            received = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.read()}
    except urllib.error.HTTPError as error:
        received = {"status_code": error.code, "headers": dict(error.headers), "body": error.read()}
    return create_parser(protocol.CBOR).parse(received, operation_model.output_shape)


def test_cbor_calls_reach_moto_and_come_back(cloud_url):
    data = [{"MetricName": "m", "Value": 1.5, "Timestamp": datetime(2026, 11, 23, tzinfo=UTC)}]
    over_cbor(cloud_url, "cloudwatch", "PutMetricData", {"Namespace": "Protocol", "MetricData": data})
    found = over_cbor(cloud_url, "cloudwatch", "ListMetrics", {"Namespace": "Protocol"})["Metrics"]
    assert [metric["MetricName"] for metric in found] == ["m"]


def test_cbor_calls_reach_our_own_services_and_their_errors_come_back(cloud_url):
    made = over_cbor(
        cloud_url, "codeconnections", "CreateConnection", {"ConnectionName": "c", "ProviderType": "GitHub"}
    )
    arn = made["ConnectionArn"]
    found = over_cbor(cloud_url, "codeconnections", "GetConnection", {"ConnectionArn": arn})["Connection"]
    assert found["ConnectionStatus"] == "AVAILABLE"
    over_cbor(cloud_url, "codeconnections", "DeleteConnection", {"ConnectionArn": arn})
    refused = over_cbor(cloud_url, "codeconnections", "GetConnection", {"ConnectionArn": arn})
    assert refused["Error"]["Code"] == "ResourceNotFoundException"


def test_every_call_is_recorded_under_its_principal(cloud, aws):
    aws("iam").create_role(RoleName="recorded", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    role = f"arn:aws:iam::{cloud.account_id}:role/recorded"
    cloud.client("ssm", role_arn=role, session_name="watch").describe_parameters()
    aws("ssm").describe_parameters()
    as_role, as_account = [call for call in calls(cloud) if call["operation"] == "DescribeParameters"][-2:]
    assert as_role["principal"] == f"arn:aws:sts::{cloud.account_id}:assumed-role/recorded/watch"
    assert as_account["principal"] == f"arn:aws:iam::{cloud.account_id}:root"
    assert as_role["service"] == "ssm"
    assert as_role["status"] == 200


@pytest.mark.parametrize(("invocation", "status"), [("the-same", 200), ("another", 400)])
def test_a_retry_of_a_call_that_succeeded_gets_its_answer_again(aws, invocation, status):
    codecommit = aws("codecommit")
    name = f"retried-{status}"

    def attempt(number: int, invocation: str) -> int:
        def mark(request, **_):
            request.headers["amz-sdk-invocation-id"] = f"{name}-{invocation}"
            request.headers["amz-sdk-request"] = f"attempt={number}; max=25"

        codecommit.meta.events.register_last("before-send.codecommit.CreateRepository", mark)
        try:
            made = codecommit.create_repository(repositoryName=name)
            return made["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        finally:
            codecommit.meta.events.unregister("before-send.codecommit.CreateRepository", mark)

    assert attempt(1, "the-same") == 200
    assert attempt(2, invocation) == status


def test_an_object_of_several_megabytes_survives_the_way_through(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="server-large")
    body = os.urandom(3_000_000)
    s3.put_object(Bucket="server-large", Key="a b/ü", Body=body)
    assert s3.get_object(Bucket="server-large", Key="a b/ü")["Body"].read() == body


def test_services_start_and_stop_with_the_emulator(tmp_path, monkeypatch):
    happened = []
    monkeypatch.setattr(Service, "start", lambda self: happened.append("start"))
    monkeypatch.setattr(Service, "stop", lambda self: happened.append("stop"))
    running = Emulator(tmp_path)
    running.cloud.services = {name: running.cloud.services[name] for name in ["codecommit"]}
    running.start()
    running.cloud.on_shutdown(lambda: happened.append("first"))
    running.stop()
    assert happened == ["start", "first", "stop"]
    # refused, or reset where the connection stood in the queue already
    with pytest.raises((urllib.error.URLError, ConnectionResetError)):
        urllib.request.urlopen(f"{running.cloud.url}/_emulator/health", timeout=2)


def start_process(root: Path, port: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "emulator", "serve", "--root", str(root), "--port", str(port)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(SRC)}, stderr=subprocess.PIPE, text=True)


def test_the_command_writes_its_address_and_ends_on_sigterm(tmp_path):
    process = start_process(tmp_path, 0)
    try:
        wait_until(lambda: (tmp_path / "emulator.json").exists() or process.poll() is not None)
        assert process.poll() is None, process.stderr.read()
        ready = json.loads((tmp_path / "emulator.json").read_text())
        assert ready["pid"] == process.pid
        with urllib.request.urlopen(f"{ready['url']}/_emulator/health") as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 0
    assert not (tmp_path / "emulator.json").exists()


def test_a_taken_port_is_named_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 is taken"):
            Emulator(tmp_path, port)
