import re
from dataclasses import replace

import pytest

from contract.data.section import DataConfig
from contract.evaluation.section import EvaluationConfig
from contract.policy.targets import Targets
from contract.project.base_model import BaseModel
from contract.project.file import Project
from contract.project.gate import GateRules
from release.aws.s3 import parse
from release.stages.code_archive import UploadedCode
from release.stages.run import Run
from release.stages.train import METRICS, TrainingInputs, channels, estimator_arguments, train, training_fingerprint

ARCHIVE = UploadedCode("s3://moderation-models/code/abc/source.tar.gz", "abc", "def")
PROJECT = Project(
    data=DataConfig(labels_field="labels"),
    base_model=BaseModel("directory", "0" * 64),
    hyperparameters={"epochs": "2", "batch-size": "16"},
    policy=Targets(),
    gate=GateRules(),
    evaluation=EvaluationConfig(),
)
BASE_MODEL = "s3://moderation-data/base-models/0123/"


def arguments(platform):
    return estimator_arguments(Run(platform, PROJECT, "c0ffee", None), ARCHIVE, "job-2", "job")


def key(platform, project=PROJECT, archive=ARCHIVE, dataset="v1", base_model=BASE_MODEL):
    return training_fingerprint(platform, project, archive, TrainingInputs(dataset, base_model))


def test_a_spot_job_may_wait_longer_than_it_may_run(platform):
    assert arguments(platform)["max_wait"] > arguments(platform)["max_run"] == platform.max_training_seconds


def test_a_job_on_demand_waits_for_no_spot_instance(platform):
    built = arguments(replace(platform, training_use_spot=False))
    assert "max_wait" not in built
    assert "use_spot_instances" not in built


def test_all_attempts_share_their_checkpoints(platform):
    assert arguments(platform)["checkpoint_s3_uri"] == "s3://moderation-models/training/job/checkpoints"


def test_a_gpu_with_a_local_disk_gets_no_volume_key(platform):
    assert arguments(platform)["volume_kms_key"] == platform.kms_key_arn
    assert "volume_kms_key" not in arguments(replace(platform, training_instance_type="ml.g5.xlarge"))


@pytest.mark.parametrize("line", ["metric train_loss=0.25", "metric train_loss=2.5e-01"])
def test_the_metric_expressions_read_what_training_prints(platform, line):
    definitions = {entry["Name"]: entry["Regex"] for entry in arguments(platform)["metric_definitions"]}
    assert set(definitions) == set(METRICS)
    assert float(re.search(definitions["train_loss"], line).group(1)) == 0.25
    assert not re.search(definitions["eval_loss"], line)


def test_the_channels_are_those_of_the_contract(platform):
    assert channels(platform, TrainingInputs("v1", BASE_MODEL)) == {
        "train": "s3://moderation-data/prepared/v1/train/",
        "validation": "s3://moderation-data/prepared/v1/validation/",
        "base_model": BASE_MODEL,
    }


def test_the_fingerprint_knows_everything_that_decides_the_model_and_neither_gate_nor_policy(platform):
    base = key(platform)
    gate = replace(PROJECT, gate=GateRules(minimum={"macro_auroc": 0.9}))
    assert key(platform, project=gate) == base
    assert key(platform, project=replace(PROJECT, policy=Targets(block_precision=0.95))) == base
    assert key(platform, archive=replace(ARCHIVE, sha256="changed by the gate")) == base
    others = {
        key(platform, project=replace(PROJECT, hyperparameters={"epochs": "3"})),
        key(platform, archive=replace(ARCHIVE, code_sha256="x")),
        key(platform, dataset="v2"),
        key(platform, base_model="s3://moderation-data/base-models/4567/"),
        key(replace(platform, training_image_uri="another")),
        key(replace(platform, training_instance_count=1)),
    }
    assert len(others | {base}) == 7


def test_the_estimator_starts_a_distributed_job_and_a_second_call_adopts_it(aws, platform):
    """The real SDK against an AWS in this process: what it sends is what SageMaker would get."""
    shown = []
    model = train(Run(platform, PROJECT, "c0ffee", aws, shown.append), ARCHIVE, TrainingInputs("v1", BASE_MODEL))
    sagemaker = aws.client("sagemaker")
    job = sagemaker.describe_training_job(TrainingJobName=model.job_name)
    hyperparameters = job["HyperParameters"]
    assert hyperparameters["sagemaker_torch_distributed_enabled"] == "true"
    assert hyperparameters["sagemaker_program"] == '"train.py"'
    assert hyperparameters["sagemaker_submit_directory"] == f'"{ARCHIVE.uri}"'
    assert hyperparameters["batch-size"] == '"16"'
    assert job["AlgorithmSpecification"]["TrainingImage"] == platform.training_image_uri
    assert job["ResourceConfig"]["InstanceCount"] == 2
    assert job["EnableManagedSpotTraining"] is True
    assert job["OutputDataConfig"]["KmsKeyId"] == platform.kms_key_arn
    assert {channel["ChannelName"] for channel in job["InputDataConfig"]} == {"train", "validation", "base_model"}
    assert model.model_data_uri.startswith(f"s3://{platform.models_bucket}/training/{model.job_name}/output/")
    address = parse(model.model_data_uri)
    aws.client("s3").put_object(Bucket=address.bucket, Key=address.key, Body=b"model")
    assert train(Run(platform, PROJECT, "decaf", aws, shown.append), ARCHIVE, TrainingInputs("v1", BASE_MODEL)) == model
    assert len(sagemaker.list_training_jobs()["TrainingJobSummaries"]) == 1
