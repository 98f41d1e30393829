import io
import json
import os
import tarfile
import time
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError
from waiting import wait_until

from emulator.sagemaker.jobs.instances import CONTAINER_FILES, Ended, make_instances
from emulator.sagemaker.jobs.training.run import failure_reason

BUCKET = "training-tests"
ROLE = "arn:aws:iam::123456789012:role/training-tests"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.9.0-gpu"
FINAL = ("Completed", "Failed", "Stopped")


@pytest.fixture(scope="module")
def sagemaker(aws):
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("iam").create_role(RoleName="training-tests", AssumeRolePolicyDocument=json.dumps(TRUST))
    for number in range(3):
        aws("s3").put_object(Bucket=BUCKET, Key=f"data/part-{number}", Body=str(number).encode())
    return aws("sagemaker")


@pytest.fixture
def name():
    return f"job-{uuid.uuid4().hex[:12]}"


def request_of(name, script, instances=1, **members):
    """A request that runs a shell script in place of the image's own entry point."""
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/sh", "-c", script],
            "MetricDefinitions": [{"Name": "loss", "Regex": "metric loss=([0-9.]+)"}],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | members


def channel(**source):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data"} | source
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]


def wait_for(sagemaker, name, condition=lambda description: description["TrainingJobStatus"] in FINAL):
    def look() -> dict | None:
        description = sagemaker.describe_training_job(TrainingJobName=name)
        return description if condition(description) else None

    return wait_until(look, seconds=40)


def run(sagemaker, name, script, instances=1, **members):
    sagemaker.create_training_job(**request_of(name, script, instances, **members))
    return wait_for(sagemaker, name)


def secondary(description):
    return [each["Status"] for each in description["SecondaryStatusTransitions"]]


def log_lines(aws, name, host=1):
    logs = aws("logs")
    group = "/aws/sagemaker/TrainingJobs"
    prefix = f"{name}/algo-{host}-"
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:  # no job has written yet
        return []
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]
    ]


def archive(aws, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar}


def refused(call, **members):
    with pytest.raises(ClientError) as refusal:
        call(**members)
    return refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]


def test_the_real_toolkit_runs_the_script_with_its_hyperparameters_and_channels(sagemaker, aws, name, tmp_path):
    script = (
        "import os, pathlib, sys\n"
        "print('arguments ' + ' '.join(sys.argv[1:]))\n"
        "print('data ' + ' '.join(sorted(os.listdir(os.environ['SM_CHANNEL_TRAIN']))))\n"
        "print('hosts ' + os.environ['SM_HOSTS'] + os.environ['SM_CURRENT_HOST'] + os.environ['SM_NUM_GPUS'])\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'weights').write_text('learnt')\n"
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(script)
        tar.addfile(member, io.BytesIO(script.encode()))
    aws("s3").put_object(Bucket=BUCKET, Key="code/source.tar.gz", Body=packed.getvalue())
    request = request_of(name, "", InputDataConfig=channel())
    del request["AlgorithmSpecification"]["ContainerEntrypoint"]
    request["HyperParameters"] = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/code/source.tar.gz"',
        "sagemaker_container_log_level": "20",
        "epochs": "3",
        "base": '"/opt/ml/input"',
    }
    # The toolkit imports torch only to log its version: 2 seconds that this test can do without.
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('hidden')")
    request["Environment"] = {"PYTHONPATH": str(tmp_path)}
    sagemaker.create_training_job(**request)
    description = wait_for(sagemaker, name)
    assert description["TrainingJobStatus"] == "Completed", description.get("FailureReason")
    assert description["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/{name}/output/model.tar.gz"
    assert archive(aws, description["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights": "learnt"}
    lines = log_lines(aws, name)
    assert any(line.startswith("arguments --base /") and line.endswith("/input --epochs 3") for line in lines)
    assert "data part-0 part-1 part-2" in lines
    assert 'hosts ["algo-1"]algo-10' in lines


def test_a_job_goes_through_its_statuses_and_reports_its_metrics(sagemaker, aws, name):
    description = run(sagemaker, name, "echo metric loss=0.5; echo metric loss=0.25")
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Completed", "Completed")
    assert secondary(description) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(each["EndTime"] >= each["StartTime"] for each in description["SecondaryStatusTransitions"])
    assert [(each["MetricName"], each["Value"]) for each in description["FinalMetricDataList"]] == [("loss", 0.25)]
    assert description["TrainingTimeInSeconds"] >= 1
    found = aws("cloudwatch").list_metrics(Namespace="/aws/sagemaker/TrainingJobs", MetricName="loss")["Metrics"]
    assert [{"Name": "TrainingJobName", "Value": name}] in [metric["Dimensions"] for metric in found]
    assert log_lines(aws, name) == ["metric loss=0.5", "metric loss=0.25"]


def test_each_instance_has_its_own_directory_environment_and_log(sagemaker, aws, name):
    script = (
        "cd /opt/ml; cat input/config/resourceconfig.json; echo; ls input/data/train; env;"
        "echo TORCHRUN=$(command -v torchrun);"
        "echo $RANDOM_NAME > model/$(basename $PWD)"
    )
    description = run(
        sagemaker,
        name,
        script,
        instances=2,
        InputDataConfig=channel(S3DataDistributionType="ShardedByS3Key"),
        Environment={"RANDOM_NAME": "given", "WHERE": "/opt/ml/model"},
    )
    assert archive(aws, description["ModelArtifacts"]["S3ModelArtifacts"]) == {"algo-1": "given\n", "algo-2": "given\n"}
    first, second = log_lines(aws, name, 1), log_lines(aws, name, 2)
    assert json.loads(first[0])["hosts"] == ["algo-1", "algo-2"]
    assert (json.loads(first[0])["current_host"], json.loads(second[0])["current_host"]) == ("algo-1", "algo-2")
    assert [line for line in first if line.startswith("part")] == ["part-0", "part-2"]
    assert [line for line in second if line.startswith("part")] == ["part-1"]
    environment = dict(line.split("=", 1) for line in second if "=" in line)
    assert environment["WHERE"].endswith("/algo-2/model")
    assert environment["SAGEMAKER_BASE_DIR"].endswith("/algo-2")
    assert environment["AWS_SESSION_TOKEN"]
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["TORCHRUN"] == str(CONTAINER_FILES / "torchrun")


def test_lines_are_readable_while_the_job_runs(sagemaker, aws, name):
    sagemaker.create_training_job(**request_of(name, "echo begun; sleep 30"))
    assert wait_until(lambda: log_lines(aws, name)) == ["begun"]
    sagemaker.stop_training_job(TrainingJobName=name)
    wait_for(sagemaker, name)


def test_the_role_makes_the_calls_for_data_and_results(sagemaker, cloud, name):
    run(sagemaker, name, "touch /opt/ml/model/weights; echo done", InputDataConfig=channel())
    calls = [json.loads(line) for line in (cloud.root / "calls.jsonl").read_text().splitlines()]
    uploads = [each for each in calls if each["operation"] == "PutObject" and name in each["resource"]]
    logs = [each for each in calls if each["operation"] == "PutLogEvents" and "training-tests" in each["principal"]]
    assert [each["principal"].split("/")[1] for each in uploads] == ["training-tests"]
    assert logs


def test_a_failure_ends_the_other_instances_and_gives_its_reason(sagemaker, name):
    script = "case $PWD in *algo-2) echo 'it did not converge' > /opt/ml/output/failure; exit 3;; *) sleep 30;; esac"
    began = time.monotonic()
    description = run(sagemaker, name, script, instances=2)
    assert time.monotonic() - began < 15
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Failed", "Failed")
    assert description["FailureReason"] == "AlgorithmError: it did not converge, exit code: 3"


def test_of_two_failures_the_earlier_one_is_the_reason(sagemaker, name, tmp_path):
    script = (
        "case $PWD in"
        " *algo-2) echo cause > /opt/ml/output/failure; touch $FAILED; sleep 60;;"
        " *) until test -e $FAILED; do sleep 0.02; done; echo consequence > /opt/ml/output/failure; exit 2;; esac"
    )
    description = run(sagemaker, name, script, instances=2, Environment={"FAILED": str(tmp_path / "failed")})
    assert description["FailureReason"].startswith("AlgorithmError: cause, exit code: ")


def test_a_long_failure_is_cut_to_what_describe_may_answer(sagemaker, name):
    description = run(sagemaker, name, "head -c 5000 /dev/zero | tr '\\0' x > /opt/ml/output/failure; kill -9 $$")
    assert len(description["FailureReason"]) == 1024
    assert description["FailureReason"].endswith("x, exit code: 137")


def test_a_failed_job_leaves_no_model_but_its_output(sagemaker, aws, name):
    run(sagemaker, name, "touch /opt/ml/model/weights; echo why > /opt/ml/output/data/why; exit 1")
    listed = aws("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"out/{name}/")["Contents"]
    assert [entry["Key"] for entry in listed] == [f"out/{name}/output/output.tar.gz"]


def test_a_stopped_job_keeps_what_it_has_saved(sagemaker, aws, name):
    sagemaker.create_training_job(**request_of(name, "echo half > /opt/ml/model/weights; echo begun; sleep 30"))
    wait_for(sagemaker, name, lambda description: description["SecondaryStatus"] == "Training")
    wait_until(lambda: "begun" in log_lines(aws, name))
    sagemaker.stop_training_job(TrainingJobName=name)
    description = wait_for(sagemaker, name)
    assert description["TrainingJobStatus"] == "Stopped"
    assert secondary(description)[-3:] == ["Stopping", "Uploading", "Stopped"]
    assert archive(aws, description["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights": "half\n"}
    code, message = refused(sagemaker.stop_training_job, TrainingJobName=name)
    assert (code, "status Stopped" in message) == ("ValidationException", True)


def test_a_job_that_runs_too_long_is_stopped(sagemaker, name):
    description = run(sagemaker, name, "sleep 30", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def spot(name):
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"},
    }


def interrupt(cloud_url, name):
    url = f"{cloud_url}/_emulator/sagemaker/interrupt/{name}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
        return answer.status


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(sagemaker, aws, cloud_url, name):
    script = (
        "if [ -f /opt/ml/checkpoints/1/state ]; then cp /opt/ml/checkpoints/1/state /opt/ml/model/resumed; exit 0; fi;"
        "mkdir /opt/ml/checkpoints/1; echo epoch one > /opt/ml/checkpoints/1/state; sleep 30"
    )
    sagemaker.create_training_job(**request_of(name, script, **spot(name)))
    key = f"checkpoints/{name}/1/state"
    wait_until(lambda: aws("s3").list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"))
    assert interrupt(cloud_url, name) == 200
    description = wait_for(sagemaker, name)
    assert secondary(description) == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert archive(aws, description["ModelArtifacts"]["S3ModelArtifacts"]) == {"resumed": "epoch one\n"}


def test_only_a_running_spot_job_can_be_interrupted(sagemaker, cloud_url, name):
    run(sagemaker, name, "true")
    for job in (name, "no-such-job"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            interrupt(cloud_url, job)
        assert refusal.value.code == 400


def test_a_spot_job_needs_a_time_to_wait(sagemaker, name):
    members = spot(name) | {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}}
    code, message = refused(sagemaker.create_training_job, **request_of(name, "true", **members))
    assert (code, "MaxWaitTimeInSeconds" in message) == ("ValidationException", True)


def test_missing_data_fails_the_job_with_the_uri(sagemaker, name):
    description = run(sagemaker, name, "true", InputDataConfig=channel(S3Uri=f"s3://{BUCKET}/nothing-here"))
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("ClientError: Data download failed:")
    assert f"s3://{BUCKET}/nothing-here" in description["FailureReason"]


def test_a_results_bucket_that_does_not_exist_fails_the_job(sagemaker, name):
    output = {"S3OutputPath": "s3://no-such-bucket-here/out"}
    description = run(sagemaker, name, "touch /opt/ml/model/weights", OutputDataConfig=output)
    assert description["TrainingJobStatus"] == "Failed"
    assert "NoSuchBucket" in description["FailureReason"]


def test_a_name_is_used_once(sagemaker, name):
    run(sagemaker, name, "true")
    code, message = refused(sagemaker.create_training_job, **request_of(name, "true"))
    assert code == "ResourceInUse"
    assert f"training-job/{name}" in message


def test_more_instances_than_the_account_may_have_are_refused(sagemaker, name):
    code, message = refused(sagemaker.create_training_job, **request_of(name, "true", instances=21))
    assert code == "ResourceLimitExceeded"
    assert "'ml.m5.large for training job usage' is 20 Instances" in message


def test_a_role_that_sagemaker_may_not_assume_is_refused(sagemaker, name):
    request = request_of(name, "true", RoleArn="arn:aws:iam::123456789012:role/no-such-role")
    code, message = refused(sagemaker.create_training_job, **request)
    assert (code, "Could not assume role" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"InputDataConfig": channel(S3DataType="ManifestFile")}, "S3DataType ManifestFile"),
        ({"InputDataConfig": [{**channel()[0], "InputMode": "Pipe"}]}, "input mode Pipe"),
        ({"InputDataConfig": [{**channel()[0], "CompressionType": "Gzip"}]}, "CompressionType Gzip"),
        ({"AlgorithmSpecification": {"TrainingImage": "tensorflow:2", "TrainingInputMode": "File"}}, "tensorflow:2"),
    ],
)
def test_what_is_not_emulated_is_named(sagemaker, name, members, named):
    code, message = refused(sagemaker.create_training_job, **request_of(name, "true", **members))
    assert code == "NotImplementedException"
    assert named in message
    assert refused(sagemaker.describe_training_job, TrainingJobName=name)[1] == "Requested resource not found."


def test_jobs_are_listed_by_name_and_status_and_carry_their_tags(sagemaker, name):
    tags = [{"Key": "stage", "Value": "train"}]
    description = run(sagemaker, name, "exit 1", Tags=tags)
    listed = sagemaker.list_training_jobs(NameContains=name, StatusEquals="Failed")["TrainingJobSummaries"]
    assert [each["TrainingJobArn"] for each in listed] == [description["TrainingJobArn"]]
    assert sagemaker.list_training_jobs(NameContains=name, StatusEquals="Completed")["TrainingJobSummaries"] == []
    assert sagemaker.list_tags(ResourceArn=description["TrainingJobArn"])["Tags"] == tags


def test_the_reason_of_a_failure_is_that_of_the_instance_whose_failure_file_is_the_oldest(tmp_path):
    first, second = make_instances(tmp_path, 2)
    ended = Ended({"algo-1": 2, "algo-2": -9}, first, None)
    assert failure_reason([first, second], ended, first) == "AlgorithmError: , exit code: 2"
    for instance, words in ((second, "the cause"), (first, "a consequence")):
        (instance.base / "output").mkdir()
        (instance.base / "output" / "failure").write_text(words)
    os.utime(second.base / "output" / "failure", ns=(1, 1))
    assert failure_reason([first, second], ended, first) == "AlgorithmError: the cause, exit code: 137"
