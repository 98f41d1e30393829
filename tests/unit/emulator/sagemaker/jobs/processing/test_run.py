import json
import uuid

import pytest
from botocore.exceptions import ClientError
from waiting import wait_until

from emulator.sagemaker.jobs.processing.job import ProcessingJob
from emulator.sagemaker.jobs.processing.run import ProcessingRun

BUCKET = "processing-tests"
ROLE = "arn:aws:iam::123456789012:role/processing-tests"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
FINAL = ("Completed", "Failed", "Stopped")


@pytest.fixture(scope="module")
def sagemaker(aws):
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("iam").create_role(RoleName="processing-tests", AssumeRolePolicyDocument=json.dumps(TRUST))
    for number in range(3):
        aws("s3").put_object(Bucket=BUCKET, Key=f"raw/part-{number}", Body=str(number).encode())
    return aws("sagemaker")


@pytest.fixture
def name():
    return f"job-{uuid.uuid4().hex[:12]}"


def given(prefix="raw/", path="/opt/ml/processing/input/raw", **source):
    source = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": path, "S3DataType": "S3Prefix"} | source
    return {"InputName": "raw", "S3Input": {"S3InputMode": "File", **source}}


def produced(name, mode="EndOfJob", path="/opt/ml/processing/output"):
    target = {"S3Uri": f"s3://{BUCKET}/out/{name}", "LocalPath": path, "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "result", "S3Output": target}]}


def request_of(name, script, *arguments, instances=1, **members):
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "image:1",
            "ContainerEntrypoint": ["/bin/sh", "-c", script, "--"],
            **({"ContainerArguments": list(arguments)} if arguments else {}),
        },
        "ProcessingInputs": [given()],
        "ProcessingOutputConfig": produced(name),
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
    } | members


def wait_for(sagemaker, name):
    def ended() -> dict | None:
        description = sagemaker.describe_processing_job(ProcessingJobName=name)
        return description if description["ProcessingJobStatus"] in FINAL else None

    return wait_until(ended, seconds=40)


def run(sagemaker, name, script, *arguments, **members):
    sagemaker.create_processing_job(**request_of(name, script, *arguments, **members))
    return wait_for(sagemaker, name)


def results(aws, name):
    s3 = aws("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"out/{name}/").get("Contents", [])
    return {
        entry["Key"].removeprefix(f"out/{name}/"): s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"]
        .read()
        .decode()
        for entry in listed
    }


def log_lines(aws, name, host=1):
    logs, group = aws("logs"), "/aws/sagemaker/ProcessingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-{host}-")["logStreams"]
    stream = streams[0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"] for event in events]


def refused(call, **members):
    with pytest.raises(ClientError) as refusal:
        call(**members)
    return refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]


def test_inputs_arrive_arguments_move_and_outputs_are_uploaded(sagemaker, aws, name):
    script = 'cat "$1"/part-* > "$2"/all; mkdir "$2"/deep; echo $MODE > "$2"/deep/mode; echo done with $#'
    description = run(
        sagemaker,
        name,
        script,
        "/opt/ml/processing/input/raw",
        "/opt/ml/processing/output",
        Environment={"MODE": "given"},
    )
    assert description["ProcessingJobStatus"] == "Completed", description.get("FailureReason")
    assert results(aws, name) == {"all": "012", "deep/mode": "given\n"}
    assert log_lines(aws, name) == ["done with 2"]
    assert description["ProcessingEndTime"] >= description["ProcessingStartTime"] >= description["CreationTime"]
    assert "ExitMessage" not in description


def test_the_entry_point_finds_its_configuration(sagemaker, aws, name):
    run(sagemaker, name, "cat /opt/ml/config/processingjobconfig.json; echo; cat /opt/ml/config/resourceconfig.json")
    config, resources = (json.loads(line) for line in log_lines(aws, name))
    assert config["ProcessingJobName"] == name
    assert config["ProcessingInputs"][0]["S3Input"]["LocalPath"] == "/opt/ml/processing/input/raw"
    assert resources["hosts"] == ["algo-1"]


def test_instances_share_the_objects_and_their_results_are_merged(sagemaker, aws, name):
    script = "cd /opt/ml/processing; for part in input/raw/*; do cp $part output/; done; ls input/raw"
    sharded = [given(S3DataDistributionType="ShardedByS3Key")]
    run(sagemaker, name, script, instances=2, ProcessingInputs=sharded)
    assert results(aws, name) == {"part-0": "0", "part-1": "1", "part-2": "2"}
    assert (log_lines(aws, name, 1), log_lines(aws, name, 2)) == (["part-0", "part-2"], ["part-1"])


def test_each_instance_knows_itself_and_the_others(sagemaker, aws, name):
    whole, sharded = given(), given(path="/opt/ml/processing/input/share", S3DataDistributionType="ShardedByS3Key")
    script = "cat /opt/ml/config/resourceconfig.json; echo; cd /opt/ml/processing/input; echo raw/*; echo share/*"
    run(sagemaker, name, script, instances=4, ProcessingInputs=[whole, sharded | {"InputName": "share"}])
    for host, share in enumerate(("share/part-0", "share/part-1", "share/part-2", "share/*"), start=1):
        resources, *inputs = log_lines(aws, name, host)
        resources = json.loads(resources)
        assert resources["current_host"] == f"algo-{host}"
        assert resources["hosts"] == ["algo-1", "algo-2", "algo-3", "algo-4"]
        # the last one got no object, and runs all the same
        assert inputs == ["raw/part-0 raw/part-1 raw/part-2", share]


def test_a_single_object_is_an_input_of_that_name(sagemaker, aws, name):
    run(sagemaker, name, "ls /opt/ml/processing/input/raw", ProcessingInputs=[given("raw/part-1")])
    assert log_lines(aws, name) == ["part-1"]


def test_a_failed_job_says_why_and_uploads_nothing(sagemaker, aws, name):
    script = (
        "echo half > /opt/ml/processing/output/half; mkdir -p /opt/ml/output;"
        "echo row 12: unknown label > /opt/ml/output/message; exit 3"
    )
    description = run(sagemaker, name, script)
    assert description["ProcessingJobStatus"] == "Failed"
    assert description["ExitMessage"] == "row 12: unknown label"
    assert description["FailureReason"].endswith("exit code: 3")
    assert results(aws, name) == {}


def test_the_messages_of_all_instances_are_reported_together(sagemaker, name):
    script = (
        "mkdir -p /opt/ml/output; echo rejected $(cat /opt/ml/processing/input/raw/part-*) > /opt/ml/output/message"
    )
    sharded = [given(S3DataDistributionType="ShardedByS3Key")]
    description = run(sagemaker, name, script, instances=3, ProcessingInputs=sharded)
    assert description["ExitMessage"] == "rejected 0rejected 1rejected 2"


def test_continuous_outputs_are_uploaded_while_the_job_runs(sagemaker, aws, name):
    script = "echo early > /opt/ml/processing/output/early; sleep 30"
    members = {"ProcessingOutputConfig": produced(name, "Continuous")}
    sagemaker.create_processing_job(**request_of(name, script, **members))
    assert wait_until(lambda: results(aws, name)) == {"early": "early\n"}
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert wait_for(sagemaker, name)["ProcessingJobStatus"] == "Stopped"
    assert refused(sagemaker.stop_processing_job, ProcessingJobName=name)[0] == "ValidationException"


def test_a_job_that_runs_too_long_fails_and_says_so(sagemaker, name):
    description = run(sagemaker, name, "sleep 30", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert description["ProcessingJobStatus"] == "Failed"
    assert "MaxRuntimeInSeconds (1)" in description["FailureReason"]


def test_an_empty_input_fails_the_job_with_the_uri(sagemaker, name):
    description = run(sagemaker, name, "true", ProcessingInputs=[given("nothing-here/")])
    assert description["ProcessingJobStatus"] == "Failed"
    assert f"s3://{BUCKET}/nothing-here/" in description["FailureReason"]


def test_a_program_that_does_not_exist_fails_the_job(sagemaker, name):
    application = {"ImageUri": "image:1", "ContainerEntrypoint": ["no-such-program"]}
    description = run(sagemaker, name, "", AppSpecification=application)
    assert description["ProcessingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("AlgorithmError: no-such-program can't be started")


def test_paths_outside_of_the_processing_directory_are_refused(sagemaker, name):
    for path in ("/tmp/raw", "/opt/ml/processing/../secret"):
        request = request_of(name, "true", ProcessingInputs=[given(path=path)])
        code, message = refused(sagemaker.create_processing_job, **request)
        assert (code, path in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"ProcessingInputs": [given(S3DataType="ManifestFile")]}, "S3DataType ManifestFile"),
        ({"ProcessingInputs": [given(S3InputMode="Pipe")]}, "S3InputMode Pipe"),
        ({"AppSpecification": {"ImageUri": "image:1"}}, "an image's own entry point"),
    ],
)
def test_what_is_not_emulated_is_named(sagemaker, name, members, named):
    code, message = refused(sagemaker.create_processing_job, **request_of(name, "true", **members))
    assert (code, named in message) == ("NotImplementedException", True)


def test_a_name_is_used_once_and_unknown_names_are_not_found(sagemaker, name):
    assert refused(sagemaker.describe_processing_job, ProcessingJobName=name)[0] == "ValidationException"
    run(sagemaker, name, "true", Tags=[{"Key": "stage", "Value": "prepare"}])
    assert refused(sagemaker.create_processing_job, **request_of(name, "true"))[0] == "ResourceInUse"
    listed = sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [(each["ProcessingJobName"], each["ProcessingJobStatus"]) for each in listed] == [(name, "Completed")]
    tags = sagemaker.list_tags(ResourceArn=listed[0]["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "stage", "Value": "prepare"}]


def test_the_directory_of_a_job_goes_with_it(sagemaker, cloud, name):
    run(sagemaker, name, "true")
    assert not (cloud.directory("sagemaker") / "processing-jobs" / name).exists()


def test_a_fault_of_our_own_fails_the_job_and_is_not_swallowed(cloud, name, monkeypatch):
    job = ProcessingJob("arn", request_of(name, "true"))
    monkeypatch.setattr(ProcessingRun, "_process", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ProcessingRun(cloud, job).run()
    assert job.status == "Failed"
    assert job.failure_reason.startswith("InternalServerError: ZeroDivisionError")
