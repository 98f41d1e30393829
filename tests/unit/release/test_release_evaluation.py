import dataclasses
import json

import pytest
from botocore.validate import validate_parameters

from release.config import BaseModel, GatePolicy, Project
from release.evaluation import Verdict, champion_package, evaluate, evaluation_request, exports, report_url
from release.gate import Decision, Rule
from release.source_archive import UploadedArchive

ARCHIVE = UploadedArchive("s3://moderation-models/code/abc/source.tar.gz", "abc", "def")
PROJECT = Project(
    data={},
    base_model=BaseModel("directory", "0" * 64),
    hyperparameters={"epochs": "2"},
    gate=GatePolicy({"macro_auroc": 0.75}, -0.02, -0.02),
    sections={"data": {"seed": 13}, "gate": {"minimum": {"macro_auroc": 0.75}}},
)
MODEL = "s3://moderation-models/training/job/output/model.tar.gz"
BASE_MODEL = "s3://moderation-data/base-models/0123/"
METRICS = {"macro_average_precision": 0.61234, "macro_auroc": 0.9, "macro_f1": None}


def judged(auroc=0.9, champion=None):
    metrics = METRICS | {"macro_auroc": auroc}
    return {
        "schema_version": 2,
        "policy_id": "p-0123456789ab",
        "candidate": {"metrics": metrics, "labels": {}},
        "baseline": {"metrics": METRICS, "labels": {}},
        "champion": champion and {"metrics": champion, "labels": {}},
        "comparison": {
            "champion": champion and {"macro_average_precision": {"difference": 0.1, "low": 0.0, "high": 0.2}}
        },
    }


@pytest.fixture
def judging(aws, platform, monkeypatch):
    """Runs the stage; the job itself is replaced by what it leaves in S3."""
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    sagemaker.create_model_package_group(ModelPackageGroupName="moderation")

    def run(evaluation, project=PROJECT, shown=None):
        def finish(kind, job_name, session, show):
            s3.put_object(
                Bucket=platform.models_bucket,
                Key=f"evaluation/{job_name}/evaluation.json",
                Body=json.dumps(evaluation).encode(),
            )

        monkeypatch.setattr("release.evaluation.jobs.wait", finish)
        show = (shown if shown is not None else []).append
        return evaluate(platform, project, ARCHIVE, "v1", BASE_MODEL, "job", MODEL, "c0ffee", aws, show)

    return run


def serve_prod(aws, model_data_uri="s3://moderation-models/training/old/output/model.tar.gz"):
    sagemaker = aws.client("sagemaker")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="moderation",
        InferenceSpecification={
            "Containers": [{"Image": "image", "ModelDataUrl": model_data_uri}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    make_prod_run(package, sagemaker)
    return package


def make_prod_run(package, sagemaker):
    sagemaker.create_model(
        ModelName="m",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/moderation-endpoint",
        PrimaryContainer={"ModelPackageName": package},
    )
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="moderation-prod", EndpointConfigName="c")


def test_a_first_model_is_judged_and_registered(aws, judging):
    shown = []
    verdict = judging(judged(), shown=shown)
    assert verdict.decision.passed
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=verdict.package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"]["commit"] == "c0ffee"
    assert any("Nothing is live in prod" in line for line in shown)


def test_a_model_that_fails_the_gate_is_registered_as_rejected(aws, judging):
    verdict = judging(judged(auroc=0.5))
    assert exports(verdict)["GATE"] == "FAIL"
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=verdict.package_arn)
    assert package["ModelApprovalStatus"] == "Rejected"


def test_the_champion_is_what_prod_runs_and_its_model_is_an_input(aws, platform, judging):
    assert champion_package(platform, aws.client("sagemaker")) is None
    sagemaker = aws.client("sagemaker")
    package = serve_prod(aws)
    assert champion_package(platform, sagemaker) == package
    verdict = judging(judged(champion={"macro_average_precision": 0.5}))
    name = sagemaker.list_processing_jobs()["ProcessingJobSummaries"][0]["ProcessingJobName"]
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    inputs = {entry["InputName"]: entry["S3Input"]["S3Uri"] for entry in job["ProcessingInputs"]}
    assert inputs["champion"] == "s3://moderation-models/training/old/output/model.tar.gz"
    assert inputs["candidate"] == MODEL
    assert inputs["base_model"] == BASE_MODEL
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert "--champion" in arguments
    assert arguments[arguments.index("--base-model") + 1] == "/opt/ml/processing/input/base_model"
    assert exports(verdict)["CHAMPION_MACRO_AVERAGE_PRECISION"] == "0.5000"


def test_a_champion_that_can_not_be_compared_is_told_to_the_approver(aws, judging):
    serve_prod(aws)
    assert "knows none of this dataset's labels" in exports(judging(judged()))["GATE_SUMMARY"]


def test_another_gate_judges_the_same_evaluation_again(aws, judging):
    strict = dataclasses.replace(
        PROJECT, gate=GatePolicy({"macro_auroc": 0.95}, None, None), sections={"data": {"seed": 13}, "gate": {}}
    )
    first, second = judging(judged()), judging(judged(), strict)
    assert (first.decision.verdict, second.decision.verdict) == ("PASS", "FAIL")
    assert first.package_arn != second.package_arn
    assert len(aws.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]) == 1


def test_the_model_that_prod_runs_is_not_evaluated_nor_registered_again(aws, judging):
    sagemaker = aws.client("sagemaker")
    first = judging(judged()).package_arn
    make_prod_run(first, sagemaker)
    again = judging(judged())
    assert again.package_arn == first
    assert "Prod runs this very model" in exports(again)["GATE_SUMMARY"]
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 1
    strict = dataclasses.replace(PROJECT, gate=GatePolicy({"macro_auroc": 0.95}, None, None))
    rejected = judging(judged(), strict)
    assert rejected.package_arn != first
    assert not rejected.decision.passed


def test_without_a_champion_there_is_no_champion_argument(aws, platform):
    request = evaluation_request(
        "job", platform, ARCHIVE, "c0ffee", {"candidate": MODEL, "dataset": "s3://d/prepared/v1/"}
    )
    model = aws.client("sagemaker").meta.service_model
    validate_parameters(request, model.operation_model("CreateProcessingJob").input_shape)
    assert "--champion" not in request["AppSpecification"]["ContainerArguments"]


def test_a_long_summary_leaves_room_in_the_approval():
    rules = tuple(Rule(f"r{index}", 1.0, 0.5, False, "x" * 100 + ".") for index in range(9))
    verdict = Verdict(Decision(False, rules), "arn", METRICS, None, "https://report", "")
    exported = exports(verdict)
    assert len(exported["GATE_SUMMARY"]) == 300
    assert exported["MACRO_AVERAGE_PRECISION"] == "0.6123"
    assert exported["MACRO_F1"] == "none"
    assert exported["CHAMPION_MACRO_AVERAGE_PRECISION"] == "none"
    assert sum(len(value) for value in exported.values()) < 1000


def test_the_report_opens_in_the_console():
    assert report_url("bucket", "evaluation/a job/report.html", "eu-west-1") == (
        "https://eu-west-1.console.aws.amazon.com/s3/object/bucket?region=eu-west-1"
        "&prefix=evaluation/a%20job/report.html"
    )
