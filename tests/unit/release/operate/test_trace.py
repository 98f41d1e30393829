import json

import pytest
from helpers.evaluations import POLICY, candidate, evaluation, make_prod_run

from release.aws.s3 import parse
from release.decision import registry
from release.operate import trace

DATASET = "s3://moderation-data/prepared/0123456789abcdef"
MANIFEST = {
    "dataset_version": "0123456789abcdef",
    "lineage": "0123456789abcdef",
    "rows": {"train": 1800, "validation": 280, "test": 700},
    "labels": ["insult", "threat"],
    "files": {"train/part-00000.parquet": "a" * 64, "labels.json": "b" * 64},
    "source": "raw/",
    "split": {"seed": 13},
}


def put(s3, uri, content):
    address = parse(uri)
    s3.put_object(Bucket=address.bucket, Key=address.key, Body=json.dumps(content).encode())


@pytest.fixture
def released(aws, platform):
    """The ARN of a package that serves prod, with everything that it came from."""
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    sagemaker.create_model_package_group(ModelPackageGroupName="moderation")
    put(s3, f"{DATASET}/manifest.json", MANIFEST)
    sagemaker.create_training_job(
        TrainingJobName=candidate().training_job_name,
        AlgorithmSpecification={"TrainingImage": platform.training_image_uri, "TrainingInputMode": "File"},
        RoleArn=platform.training_role_arn,
        HyperParameters={
            "epochs": "2",
            "sagemaker_submit_directory": '"s3://moderation-models/code/abc/source.tar.gz"',
        },
        InputDataConfig=[
            {
                "ChannelName": name,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            }
            for name, uri in {"train": f"{DATASET}/train/", "base_model": "s3://moderation-data/base-models/x/"}.items()
        ],
        OutputDataConfig={"S3OutputPath": "s3://moderation-models/training"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    made = sagemaker.describe_training_job(TrainingJobName=candidate().training_job_name)
    model = made["ModelArtifacts"]["S3ModelArtifacts"]
    put(s3, f"{candidate().evaluation_uri}evaluation.json", evaluation())
    put(s3, f"{candidate().evaluation_uri}policy.json", POLICY)
    package = registry.register(candidate(model_data_uri=model, trained_model_uri=model), platform, sagemaker)
    make_prod_run(package, sagemaker)
    return package


def identities(chain):
    return {link.name: link.identity for link in chain.links}


def test_a_live_endpoint_leads_back_to_rows_and_commit(aws, released):
    chain = trace.trace(aws, endpoint_name="moderation-prod")
    assert chain.faults == ()
    assert identities(chain) == {
        "endpoint": "moderation-prod",
        "package": released,
        "policy": "p-0123456789ab",
        "evaluation": "moderation-evaluate-def",
        "training": "moderation-train-abc",
        "dataset": "0123456789abcdef",
        "rows": "train 1800, validation 280, test 700",
        "commit": "c0ffee",
    }
    text = "\n".join(trace.lines(chain))
    for words in ("code: s3://mod", "hyperparameters epochs: 2", "sha256 train/part-00000.parquet: aaaa"):
        assert words in text
    assert "labels insult: review 0.4000, block 0.8000" in text
    assert "sagemaker_submit" not in text
    assert text.endswith("The chain is whole, and its links agree.")
    machine = json.loads(trace.as_json(chain))
    assert [link["name"] for link in machine["links"]] == list(identities(chain))
    assert machine["faults"] == []


def test_an_answer_and_a_package_lead_to_the_same(aws, released):
    answer = {"id": "r-1", "model": released, "policy": "p-0123456789ab"}
    by_answer = trace.trace(aws, answer=answer)
    by_package = trace.trace(aws, package_arn=released)
    assert by_answer.faults == by_package.faults == ()
    assert by_answer.links[1:] == by_package.links
    assert by_answer.links[0].identity == "r-1"


def test_an_answer_that_names_another_policy_than_its_package_is_a_contradiction(aws, released):
    chain = trace.trace(aws, answer={"id": "r-1", "model": released, "policy": "p-ffffffffffff"})
    assert chain.faults == (
        "policy: the answer says p-ffffffffffff, the package says p-0123456789ab, policy.json says p-0123456789ab, "
        "the evaluation says p-0123456789ab",
    )
    assert "FAULT       policy: the answer says" in "\n".join(trace.lines(chain))


def test_a_dataset_that_was_overwritten_is_a_contradiction(aws, released):
    put(aws.client("s3"), f"{DATASET}/manifest.json", MANIFEST | {"dataset_version": "ffff"})
    (fault,) = trace.trace(aws, package_arn=released).faults
    assert fault.startswith("dataset version: the package says 0123456789abcdef")
    assert fault.endswith("the training's input says ffff")


def test_what_is_missing_breaks_the_chain_there_and_nowhere_else(aws, platform, released):
    s3 = aws.client("s3")
    s3.delete_object(Bucket=platform.data_bucket, Key="prepared/0123456789abcdef/manifest.json")
    chain = trace.trace(aws, package_arn=released)
    assert chain.faults == ("dataset: not found", "rows: not found")
    assert identities(chain)["commit"] == "c0ffee"
    assert "dataset     NOT FOUND" in trace.lines(chain)


def test_what_can_not_be_read_is_a_fault_that_says_why(aws, released):
    put(aws.client("s3"), f"{candidate().evaluation_uri}evaluation.json", evaluation() | {"schema_version": 2})
    chain = trace.trace(aws, package_arn=released)
    assert chain.faults == (
        "evaluation: not found",
        f"{candidate().evaluation_uri}evaluation.json: found schema_version 2, expected 3: release and moderation must "
        "come from the same commit",
    )


def test_a_start_that_is_not_there_is_refused(aws, released):
    with pytest.raises(ValueError, match="endpoint moderation-staging runs no model package"):
        trace.trace(aws, endpoint_name="moderation-staging")
    with pytest.raises(ValueError, match="model-package/moderation/99 does not exist"):
        trace.trace(aws, package_arn=released.rpartition("/")[0] + "/99")


@pytest.mark.parametrize(
    ("content", "message"), [("{", "expected an answer"), ('{"model": "none"}', "found no answer")]
)
def test_a_file_that_holds_no_answer_is_refused(tmp_path, content, message):
    (tmp_path / "answer.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        trace.read_answer(tmp_path / "answer.json")
    with pytest.raises(ValueError, match="expected an answer"):
        trace.read_answer(tmp_path / "absent.json")
