"""Endpoints end to end: real model servers behind the API, updates under traffic, rollbacks."""

import io
import json
import tarfile
import threading
from collections import Counter

import pytest
from botocore.exceptions import ClientError
from waiting import wait_until

from emulator.sagemaker.hosting.endpoints import Endpoints
from emulator.sagemaker.service import SageMaker

BUCKET = "endpoint-models"
CODE = """
import json
def model_fn(model_dir):
    return {name!r}
def input_fn(body, content_type):
    request = json.loads(body)
    if {broken} or "text" not in request:
        raise ValueError("expected a text")
    return request
def predict_fn(data, model):
    import os, time
    time.sleep(data.get("seconds", 0))
    return {{"by": model, "note": os.environ.get("NOTE"), "keys": os.environ["AWS_ACCESS_KEY_ID"]}}
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


def archive(code: str, path: str = "code/inference.py") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        entry = tarfile.TarInfo(path)
        entry.size = len(code)
        tar.addfile(entry, io.BytesIO(code.encode()))
    return written.getvalue()


@pytest.fixture(scope="module")
def sagemaker(aws):
    return aws("sagemaker")


@pytest.fixture(scope="module")
def endpoints(cloud) -> Endpoints:
    """The endpoints themselves, for what no operation tells."""
    return cloud.service(SageMaker).endpoints


@pytest.fixture(scope="module")
def role(aws):
    aws("s3").create_bucket(Bucket=BUCKET)
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return aws("iam").create_role(RoleName="hosting", AssumeRolePolicyDocument=document)["Role"]["Arn"]


@pytest.fixture(scope="module")
def config(aws, sagemaker, role):
    """config(name, ...) makes a model and an endpoint config of that name, once, and returns the name."""
    made = set()

    def make(name: str, data: bytes | None = None, *, broken: bool = False, count: int = 1) -> str:
        if name not in made:
            made.add(name)
            data = data or archive(CODE.format(name=name, broken=broken))
            aws("s3").put_object(Bucket=BUCKET, Key=name, Body=data)
            container = {
                "Image": "registry/image:1",
                "ModelDataUrl": f"s3://{BUCKET}/{name}",
                "Environment": {"NOTE": "n"},
            }
            sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
            sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name, count)])
        return name

    return make


def variant(model: str, count: int = 1) -> dict:
    return {
        "VariantName": "main",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": 1.0,
    }


@pytest.fixture(scope="module")
def settled(sagemaker):
    """settled(endpoint) waits for the end of what is going on and returns DescribeEndpoint's answer."""

    def wait(name: str) -> dict:
        def look() -> dict | None:
            found = sagemaker.describe_endpoint(EndpointName=name)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        return wait_until(look, seconds=40)

    return wait


@pytest.fixture(scope="module")
def ask(aws):
    """ask(endpoint, **request) -> the model's answer."""

    def invoke(name: str, **request) -> dict:
        answer = aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body=json.dumps(request)
        )
        return json.loads(answer["Body"].read())

    return invoke


@pytest.fixture(scope="module")
def shared_endpoint(sagemaker, config, settled):
    sagemaker.create_endpoint(EndpointName="shared", EndpointConfigName=config("old"))
    yield "shared"
    settled("shared")
    sagemaker.delete_endpoint(EndpointName="shared")


@pytest.fixture
def endpoint(shared_endpoint, sagemaker, settled):
    """An endpoint in service on the config `old`; what a test does to it is taken back for the next."""
    if settled(shared_endpoint)["EndpointConfigName"] != "old":
        sagemaker.update_endpoint(EndpointName=shared_endpoint, EndpointConfigName="old")
    assert settled(shared_endpoint)["EndpointConfigName"] == "old"
    return shared_endpoint


def refusal(call, **request) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


def canary(*alarms: str, wait_seconds: int = 300) -> dict:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": wait_seconds, "CanarySize": size}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 60}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


class Traffic:
    """Requests without a pause while it is entered; `answers` counts models, `errors` holds what failed."""

    def __init__(self, ask, endpoint: str, threads: int = 3, **request):
        self.answers, self.errors = Counter(), []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask, endpoint, request)) for _ in range(threads)]

    def _run(self, ask, endpoint: str, request: dict) -> None:
        while not self._end.wait(0.01):
            try:
                self.answers[ask(endpoint, **request)["by"]] += 1
            except ClientError as error:
                self.errors.append(str(error))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def end(self) -> None:
        self._end.set()

    def __exit__(self, *_):
        self.end()
        for thread in self._threads:
            thread.join()


def test_the_model_answers_with_its_environment_and_the_roles_keys(endpoint, ask, aws, role):
    answer = ask(endpoint, text="a")
    assert (answer["by"], answer["note"]) == ("old", "n")
    assert answer["keys"].startswith("ASIA")


def test_an_update_moves_all_traffic_without_one_failed_request(endpoint, sagemaker, config, settled, ask):
    with Traffic(ask, endpoint, text="a", seconds=0.02) as traffic:
        deployment = canary()
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config("new"), DeploymentConfig=deployment)
        during = sagemaker.describe_endpoint(EndpointName=endpoint)
        after = settled(endpoint)
    assert during["EndpointStatus"] == "Updating"
    assert during["EndpointConfigName"] == "old"
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "new")
    assert after["LastDeploymentConfig"] == deployment
    assert "FailureReason" not in after
    assert traffic.errors == []
    assert set(traffic.answers) == {"old", "new"}
    assert ask(endpoint, text="a")["by"] == "new"


def test_the_old_model_finishes_its_last_request_before_it_goes(endpoint, endpoints, sagemaker, config, settled, ask):
    config("new")
    serving = endpoints.find(endpoint).serving().variants["main"]
    slow = Traffic(ask, endpoint, threads=1, text="a", seconds=1.5)
    with slow:
        wait_until(lambda: serving.running_requests)
        slow.end()
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="new")
        wait_until(lambda: sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == "new")
    assert slow.errors == []
    assert slow.answers == {"old": 1}
    assert settled(endpoint)["EndpointConfigName"] == "new"


def test_an_alarm_takes_a_bad_model_back(endpoint, aws, sagemaker, config, settled, ask):
    aws("cloudwatch").put_metric_alarm(
        AlarmName="bad-model",
        Namespace="AWS/SageMaker",
        MetricName="Invocation4XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "main"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    config("bad", broken=True)
    with Traffic(ask, endpoint, text="a") as traffic:
        sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName="bad",
            DeploymentConfig=canary("bad-model", wait_seconds=3000),
        )
        after = settled(endpoint)
        seen, good = len(traffic.errors), traffic.answers["old"]
        wait_until(lambda: traffic.answers["old"] >= good + 20)
        assert len(traffic.errors) - seen <= 3  # those that were under way
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "old")
    assert "alarms in state ALARM: ['bad-model']" in after["FailureReason"]
    (alarm,) = aws("cloudwatch").describe_alarms(AlarmNames=["bad-model"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed")
    assert ask(endpoint, text="a")["by"] == "old"


def test_an_alarm_that_somebody_set_takes_an_update_back(endpoint, aws, sagemaker, config, settled):
    aws("cloudwatch").put_metric_alarm(
        AlarmName="by-hand",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    aws("cloudwatch").set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="a person says so")
    sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=config("new"), DeploymentConfig=canary("by-hand")
    )
    after = settled(endpoint)
    assert after["EndpointConfigName"] == "old"
    assert "by-hand" in after["FailureReason"]


def test_a_missing_alarm_takes_an_update_back(endpoint, sagemaker, config, settled):
    sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=config("new"), DeploymentConfig=canary("nobody-made-it")
    )
    assert "do not exist: ['nobody-made-it']" in settled(endpoint)["FailureReason"]


def test_an_update_to_a_model_that_does_not_load_leaves_the_old_one_serving(endpoint, sagemaker, config, settled, ask):
    config("unloadable", archive("def model_fn(model_dir):\n    raise OSError('no weights')\n"))
    with Traffic(ask, endpoint, text="a") as traffic:
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="unloadable")
        after = settled(endpoint)
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "old")
    assert "did not pass the ping health check" in after["FailureReason"]
    assert traffic.errors == []


def test_an_endpoint_whose_model_does_not_load_fails_with_reason_and_log(aws, sagemaker, config, settled, ask):
    config("unloadable", archive("def model_fn(model_dir):\n    raise OSError('no weights')\n"))
    sagemaker.create_endpoint(EndpointName="hopeless", EndpointConfigName="unloadable")
    found = settled("hopeless")
    assert found["EndpointStatus"] == "Failed"
    assert "The primary container for production variant main did not pass the ping" in found["FailureReason"]
    assert "OSError: no weights" in found["FailureReason"]
    logs, group = aws("logs"), "/aws/sagemaker/Endpoints/hopeless"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"].startswith("main/i-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert any("OSError: no weights" in event["message"] for event in events)
    assert "DeleteEndpoint is the only operation" in refusal(
        sagemaker.update_endpoint, EndpointName="hopeless", EndpointConfigName=config("old")
    )
    sagemaker.delete_endpoint(EndpointName="hopeless")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("no-archive", b"not a tar", "Failed to extract model data archive"),
        ("outside", archive("x = 1", path="../../outside.py"), "Failed to extract model data archive"),
    ],
)
def test_a_damaged_or_hostile_archive_fails_the_endpoint(sagemaker, config, settled, name, data, reason):
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config(name, data))
    found = settled(name)
    assert found["EndpointStatus"] == "Failed"
    assert reason in found["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_busy_endpoint_refuses_changes_and_a_deleted_one_is_gone(sagemaker, config, settled):
    sagemaker.create_endpoint(EndpointName="busy", EndpointConfigName=config("old"))
    for call, request in (
        (sagemaker.update_endpoint, {"EndpointConfigName": config("new")}),
        (sagemaker.delete_endpoint, {}),
    ):
        assert "ValidationException: Cannot update in-progress endpoint" in refusal(
            call, EndpointName="busy", **request
        )
    settled("busy")
    assert "Cannot create already existing endpoint" in refusal(
        sagemaker.create_endpoint, EndpointName="busy", EndpointConfigName="old"
    )
    sagemaker.delete_endpoint(EndpointName="busy")

    def refused() -> str | None:
        try:
            assert sagemaker.describe_endpoint(EndpointName="busy")["EndpointStatus"] == "Deleting"
        except ClientError as error:
            return str(error)
        return None

    assert 'Could not find endpoint "arn:aws:sagemaker' in wait_until(refused)


def test_capacities_change_and_survive_an_update_only_when_retained(endpoint, sagemaker, config, settled):
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 3}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    counts = [settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"]]
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config("new"), RetainAllVariantProperties=True)
    counts.append(settled(endpoint)["ProductionVariants"][0]["DesiredInstanceCount"])
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config("old"))
    counts.append(settled(endpoint)["ProductionVariants"][0]["DesiredInstanceCount"])
    assert counts == [3, 3, 1]


def test_an_update_is_refused_once_the_live_config_was_deleted(sagemaker, config, settled):
    sagemaker.create_endpoint(EndpointName="orphan", EndpointConfigName=config("short-lived"))
    settled("orphan")
    sagemaker.delete_endpoint_config(EndpointConfigName="short-lived")
    assert "Could not find endpoint configuration" in refusal(
        sagemaker.update_endpoint, EndpointName="orphan", EndpointConfigName=config("old")
    )
    sagemaker.delete_endpoint(EndpointName="orphan")


def test_what_describe_answers_is_what_was_sent(sagemaker, config, role):
    config("old")
    container = {"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/old", "Mode": "SingleModel"}
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    sent = {"ModelName": "exact", "ExecutionRoleArn": role, "PrimaryContainer": container, "VpcConfig": vpc}
    arn = sagemaker.create_model(**sent, Tags=[{"Key": "k", "Value": "v"}])["ModelArn"]
    found = sagemaker.describe_model(ModelName="exact")
    assert {name: found[name] for name in sent} == sent
    assert found["ModelArn"] == arn
    assert set(found) - set(sent) == {"ModelArn", "CreationTime", "EnableNetworkIsolation", "ResponseMetadata"}
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]

    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 5,
        "DestinationS3Uri": "s3://b/c",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    sent = {
        "EndpointConfigName": "exact",
        "ProductionVariants": [variant("exact")],
        "KmsKeyId": "key",
        "DataCaptureConfig": capture,
    }
    sagemaker.create_endpoint_config(**sent)
    found = sagemaker.describe_endpoint_config(EndpointConfigName="exact")
    assert {name: found[name] for name in sent} == sent
    assert set(found) - set(sent) == {"EndpointConfigArn", "CreationTime", "ResponseMetadata"}


def test_listings_find_by_name(sagemaker, config):
    config("old")
    assert [item["ModelName"] for item in sagemaker.list_models(NameContains="old")["Models"]] == ["old"]
    configs = sagemaker.list_endpoint_configs(NameContains="old")["EndpointConfigs"]
    assert [item["EndpointConfigName"] for item in configs] == ["old"]


def test_a_model_package_brings_image_data_and_environment(aws, sagemaker, config, role, settled, ask):
    config("old")
    package = sagemaker.create_model_package(
        ModelPackageGroupName=sagemaker.create_model_package_group(ModelPackageGroupName="hosted")[
            "ModelPackageGroupArn"
        ].rsplit("/", 1)[-1],
        InferenceSpecification={
            "Containers": [
                {"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/old", "Environment": {"NOTE": "from the package"}}
            ],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    sagemaker.create_model(ModelName="packaged", ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": package})
    sagemaker.create_endpoint_config(EndpointConfigName="packaged", ProductionVariants=[variant("packaged")])
    sagemaker.create_endpoint(EndpointName="packaged", EndpointConfigName="packaged")
    settled("packaged")
    assert ask("packaged", text="a")["note"] == "from the package"
    sagemaker.delete_endpoint(EndpointName="packaged")


def test_a_version_of_a_package_makes_a_model_only_once_it_is_approved(sagemaker, config, role):
    config("old")
    specification = {
        "Containers": [{"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/old"}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    sagemaker.create_model_package_group(ModelPackageGroupName="released")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="released",
        InferenceSpecification=specification,
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    made = {"ExecutionRoleArn": role, "PrimaryContainer": {"ModelPackageName": package}}
    for status in ("PendingManualApproval", "Rejected"):
        sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=status)
        assert f"has the approval status {status}; a versioned model package must be Approved" in refusal(
            sagemaker.create_model, ModelName="released", **made
        )
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    sagemaker.create_model(ModelName="released", **made)
    # nobody approves what has no versions
    unversioned = sagemaker.create_model_package(ModelPackageName="unversioned", InferenceSpecification=specification)
    container = {"ModelPackageName": unversioned["ModelPackageArn"]}
    sagemaker.create_model(ModelName="unversioned", ExecutionRoleArn=role, PrimaryContainer=container)


def test_a_model_without_its_data_is_refused(sagemaker, role):
    container = {"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/absent"}
    assert f"Could not access model data at s3://{BUCKET}/absent" in refusal(
        sagemaker.create_model, ModelName="x", ExecutionRoleArn=role, PrimaryContainer=container
    )


def test_a_role_that_sagemaker_may_not_assume_is_refused(aws, sagemaker, config):
    config("old")
    other = aws("iam").create_role(RoleName="other", AssumeRolePolicyDocument='{"Statement": []}')["Role"]["Arn"]
    container = {"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/old"}
    assert f"Could not assume role {other}" in refusal(
        sagemaker.create_model, ModelName="x", ExecutionRoleArn=other, PrimaryContainer=container
    )


def test_missing_parts_are_named(sagemaker):
    assert 'Could not find model "arn' in refusal(
        sagemaker.create_endpoint_config, EndpointConfigName="x", ProductionVariants=[variant("absent")]
    )
    assert 'Could not find endpoint configuration "arn' in refusal(
        sagemaker.create_endpoint, EndpointName="x", EndpointConfigName="absent"
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("AsyncInferenceConfig", {"OutputConfig": {"S3OutputPath": "s3://b/p"}}),
        ("ShadowProductionVariants", [{"VariantName": "shadow", "ModelName": "old"}]),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(sagemaker, config, member, value):
    found = refusal(
        sagemaker.create_endpoint_config,
        EndpointConfigName="x",
        ProductionVariants=[variant(config("old"))],
        **{member: value},
    )
    assert found.startswith("NotImplementedException")
    assert member in found
