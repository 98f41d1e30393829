import hashlib
import json
from dataclasses import replace
from datetime import datetime

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from contract.data.section import DataConfig
from contract.evaluation.section import EvaluationConfig
from contract.policy.targets import Targets
from contract.project.base_model import BaseModel
from contract.project.file import Project
from contract.project.gate import GateRules
from release.stages.code_archive import UploadedCode
from release.stages.prepare import (
    Preparation,
    finish,
    latest_dataset,
    output_prefix,
    publish,
    raw_objects,
    shards_prefix,
    start,
)
from release.stages.run import Run

ARCHIVE = UploadedCode("s3://moderation-models/code/abc/source.tar.gz", "abc", "def")
SHARD_ARCHIVE = UploadedCode("s3://moderation-models/code/123/source.tar.gz", "123", "456")
FILES = {"labels.json": b'{"labels": ["insult"]}', "train/part-00000.parquet": b"rows"}


def project(**data):
    return Project(
        data=DataConfig(labels_field="labels", **data),
        base_model=BaseModel("directory", "0" * 64),
        hyperparameters={},
        policy=Targets(),
        gate=GateRules(),
        evaluation=EvaluationConfig(),
    )


def silent(line):
    pass


def started_run(platform, aws, commit_id="c0ffee", **data):
    return start(Run(platform, project(**data), commit_id, aws, silent), ARCHIVE, SHARD_ARCHIVE)


def write_output(s3, bucket, prefix="prepared/_jobs/job/", files=FILES, version="v1"):
    manifest = {
        "dataset_version": version,
        "lineage": version,
        "rows": {"train": 3, "validation": 1, "test": 1},
        "labels": ["insult"],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "source": "raw/",
        "split": {"seed": 13},
    }
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
    s3.put_object(Bucket=bucket, Key=prefix + "manifest.json", Body=json.dumps(manifest).encode())
    return prefix


def keys(s3, bucket, prefix):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def test_a_dataset_is_published_whole(aws, platform):
    s3 = aws.client("s3")
    dataset = publish(platform.data_bucket, write_output(s3, platform.data_bucket), s3, silent)
    assert dataset.version == "v1"
    assert dataset.rows_in_words == "train 3, validation 1, test 1"
    assert keys(s3, platform.data_bucket, "prepared/v1/") == [
        "prepared/v1/labels.json",
        "prepared/v1/manifest.json",
        "prepared/v1/train/part-00000.parquet",
    ]


def test_a_damaged_file_stops_the_publication_before_there_is_a_manifest(aws, platform):
    s3 = aws.client("s3")
    prefix = write_output(s3, platform.data_bucket)
    s3.put_object(Bucket=platform.data_bucket, Key=prefix + "train/part-00000.parquet", Body=b"half")
    with pytest.raises(ValueError, match="the upload is damaged"):
        publish(platform.data_bucket, prefix, s3, silent)
    assert "prepared/v1/manifest.json" not in keys(s3, platform.data_bucket, "prepared/v1/")


def test_a_published_version_is_reused_and_not_written_again(aws, platform):
    s3 = aws.client("s3")
    publish(platform.data_bucket, write_output(s3, platform.data_bucket), s3, silent)
    s3.put_object(Bucket=platform.data_bucket, Key="prepared/v1/labels.json", Body=b"marked")
    publish(platform.data_bucket, write_output(s3, platform.data_bucket, "prepared/_jobs/job-2/"), s3, silent)
    assert s3.get_object(Bucket=platform.data_bucket, Key="prepared/v1/labels.json")["Body"].read() == b"marked"


def test_the_same_version_with_other_files_is_refused(aws, platform):
    s3 = aws.client("s3")
    publish(platform.data_bucket, write_output(s3, platform.data_bucket), s3, silent)
    other = write_output(s3, platform.data_bucket, "prepared/_jobs/x/", FILES | {"labels.json": b"{}"})
    with pytest.raises(ValueError, match="already published with other files"):
        publish(platform.data_bucket, other, s3, silent)


def test_the_same_rows_with_another_report_are_the_same_dataset(aws, platform):
    s3 = aws.client("s3")
    files = FILES | {"data_report.json": b"{}", "data_report.html": b"<p>"}
    publish(platform.data_bucket, write_output(s3, platform.data_bucket, files=files), s3, silent)
    renamed = files | {"data_report.json": b'{"source": "another file"}', "data_report.html": b"<b>"}
    other = write_output(s3, platform.data_bucket, "prepared/_jobs/x/", renamed)
    assert publish(platform.data_bucket, other, s3, silent).version == "v1"


def test_a_manifest_that_breaks_the_contract_is_not_published(aws, platform):
    s3 = aws.client("s3")
    prefix = write_output(s3, platform.data_bucket, version="../prod")
    with pytest.raises(ValueError, match=r"manifest.json: dataset_version: found '../prod'"):
        publish(platform.data_bucket, prefix, s3, silent)


def test_a_folder_marker_is_no_data(aws, platform):
    s3 = aws.client("s3")
    s3.put_object(Bucket=platform.data_bucket, Key="raw/", Body=b"")
    assert raw_objects(platform.data_bucket, "raw/", s3) == []
    s3.put_object(Bucket=platform.data_bucket, Key="raw/a.jsonl", Body=b"{}")
    assert [entry["key"] for entry in raw_objects(platform.data_bucket, "raw/", s3)] == ["raw/a.jsonl"]


def started(aws, name):
    return aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)


def test_without_data_the_job_has_no_raw_input(aws, platform):
    name = started_run(platform, aws).dataset_job
    assert [entry["InputName"] for entry in started(aws, name)["ProcessingInputs"]] == ["code"]


def test_with_data_the_job_gets_it(aws, platform):
    aws.client("s3").put_object(Bucket=platform.data_bucket, Key="raw/a.jsonl", Body=b"{}")
    name = started_run(platform, aws).dataset_job
    inputs = {entry["InputName"]: entry["S3Input"]["S3Uri"] for entry in started(aws, name)["ProcessingInputs"]}
    assert inputs["raw"] == "s3://moderation-data/raw/"


def test_the_first_job_has_no_dataset_before_it(aws, platform):
    assert latest_dataset(platform.data_bucket, aws.client("s3")) is None
    job = started(aws, started_run(platform, aws).dataset_job)
    assert "--previous" not in job["AppSpecification"]["ContainerArguments"]


def test_the_dataset_published_last_is_an_input_of_the_next_job(aws, platform):
    s3 = aws.client("s3")
    for version in ("v2", "v1"):
        publish(platform.data_bucket, write_output(s3, platform.data_bucket, version=version), s3, silent)
        (key,) = (
            get_backend("s3")[DEFAULT_ACCOUNT_ID]["global"]
            .buckets[platform.data_bucket]
            .keys.getlist(f"prepared/{version}/manifest.json")
        )
        key.last_modified = datetime(2026, 1, 1 if version == "v2" else 2)  # S3 tells whole seconds apart only
    write_output(s3, platform.data_bucket, "prepared/_jobs/later/", version="v9")
    assert latest_dataset(platform.data_bucket, s3) == "v1"
    job = started(aws, started_run(platform, aws).dataset_job)
    inputs = {item["InputName"]: item["S3Input"] for item in job["ProcessingInputs"]}
    assert inputs["previous"]["S3Uri"] == "s3://moderation-data/prepared/v1/"
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--previous") + 1] == inputs["previous"]["LocalPath"]


def test_a_dataset_published_since_does_not_make_the_same_data_another_job(aws, platform):
    s3 = aws.client("s3")
    first = started_run(platform, aws)
    publish(platform.data_bucket, write_output(s3, platform.data_bucket, output_prefix(first.dataset_job)), s3, silent)
    assert started_run(platform, aws) == first


def test_the_same_data_finds_the_finished_job_and_changed_data_starts_another(aws, platform):
    s3 = aws.client("s3")
    s3.put_object(Bucket=platform.data_bucket, Key="raw/a.jsonl", Body=b"{}")
    first = started_run(platform, aws)
    write_output(s3, platform.data_bucket, output_prefix(first.dataset_job))
    assert started_run(platform, aws, commit_id="decaf") == first
    assert started_run(platform, aws, seed=14) != first
    s3.put_object(Bucket=platform.data_bucket, Key="raw/a.jsonl", Body=b"{ }")
    assert started_run(platform, aws) != first


def test_a_finished_job_whose_output_is_gone_is_done_again(aws, platform):
    first = started_run(platform, aws)
    assert started_run(platform, aws) == Preparation(f"{first.dataset_job}-2", None)


@pytest.fixture
def sharded(platform):
    return replace(platform, processing_instance_count=3)


@pytest.fixture
def requested(aws):
    """Job name to the request that made it; moto forgets most of one."""
    requests, events = {}, aws.client("sagemaker").meta.events

    def note(params, **_):
        requests[params["ProcessingJobName"]] = params

    events.register("provide-client-params.sagemaker.CreateProcessingJob", note)
    yield requests
    events.unregister("provide-client-params.sagemaker.CreateProcessingJob", note)


def write_raw(aws, platform, count):
    for number in range(count):
        aws.client("s3").put_object(Bucket=platform.data_bucket, Key=f"raw/{number}.jsonl", Body=b"{}")


def write_shards(aws, platform, name, hosts=("algo-1", "algo-2"), missing=()):
    for host in hosts:
        if host not in missing:
            body = json.dumps({"host": host, "hosts": hosts}).encode()
            key = f"{shards_prefix(name)}{host}/shard.json"
            aws.client("s3").put_object(Bucket=platform.data_bucket, Key=key, Body=body)


def test_several_instances_read_the_files_and_one_makes_the_dataset_of_their_shards(aws, sharded, requested):
    write_raw(aws, sharded, 5)
    preparation = started_run(sharded, aws)
    assert list(requested) == [preparation.shards_job]
    reading = requested[preparation.shards_job]
    assert reading["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    inputs = {item["InputName"]: item["S3Input"] for item in reading["ProcessingInputs"]}
    assert inputs["raw"]["S3DataDistributionType"] == "ShardedByS3Key"
    arguments = reading["AppSpecification"]["ContainerArguments"]
    assert arguments[0] == "shard.py"
    assert arguments[arguments.index("--input") + 1] == inputs["raw"]["LocalPath"]
    (output,) = reading["ProcessingOutputConfig"]["Outputs"]
    assert arguments[arguments.index("--output") + 1] == output["S3Output"]["LocalPath"]

    write_output(aws.client("s3"), sharded.data_bucket, output_prefix(preparation.dataset_job))
    assert finish(Run(sharded, project(), "c0ffee", aws, silent), ARCHIVE, preparation).version == "v1"
    merging = requested[preparation.dataset_job]
    assert merging["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1
    inputs = {item["InputName"]: item["S3Input"] for item in merging["ProcessingInputs"]}
    assert set(inputs) == {"code", "shards"}
    assert inputs["shards"]["S3Uri"] == output["S3Output"]["S3Uri"]
    assert inputs["shards"]["S3DataDistributionType"] == "FullyReplicated"
    arguments = merging["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--shards") + 1] == inputs["shards"]["LocalPath"]
    assert "--input" not in arguments


def test_no_instance_is_paid_for_without_a_file(aws, sharded, requested):
    write_raw(aws, sharded, 2)
    request = requested[started_run(sharded, aws).shards_job]
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 2


@pytest.mark.parametrize(("files", "data"), [(0, {}), (1, {}), (5, {"source": "hub:a/b@c"})])
def test_one_file_none_or_the_hub_is_read_by_the_job_that_makes_the_dataset(aws, sharded, requested, files, data):
    write_raw(aws, sharded, files)
    preparation = started_run(sharded, aws, **data)
    assert preparation.shards_job is None
    assert list(requested) == [preparation.dataset_job]


def test_the_number_of_instances_does_not_make_the_same_data_another_job(aws, platform, sharded):
    write_raw(aws, platform, 3)
    alone = started_run(platform, aws)
    write_output(aws.client("s3"), platform.data_bucket, output_prefix(alone.dataset_job))
    assert started_run(sharded, aws) == alone


def test_shards_that_are_there_are_not_read_again_and_others_are(aws, sharded):
    write_raw(aws, sharded, 3)
    first = started_run(sharded, aws)
    write_shards(aws, sharded, first.shards_job, missing=("algo-2",))
    second = started_run(sharded, aws)
    assert second == Preparation(first.dataset_job, f"{first.shards_job}-2")
    write_shards(aws, sharded, second.shards_job)
    more = replace(sharded, processing_instance_count=20)
    assert started_run(more, aws) == second
    assert started_run(more, aws, seed=14).shards_job != second.shards_job


def test_another_prefix_that_is_empty_is_a_mistake_and_no_demonstration(aws, platform, requested):
    aws.client("s3").put_object(Bucket=platform.data_bucket, Key="raw-old/a.jsonl", Body=b"{}")
    for source in ("Raw/", "raw-ol"):
        with pytest.raises(
            ValueError, match=f"found no object below s3://moderation-data/{source.rstrip('/')}/, expected"
        ):
            started_run(platform, aws, source=source)
    assert requested == {}
    started_run(platform, aws)  # the default may be empty, whatever lies beside it
    (request,) = requested.values()
    assert "raw" not in {item["InputName"] for item in request["ProcessingInputs"]}
