import dataclasses
import json

import pytest
from botocore.validate import validate_parameters
from helpers.evaluations import POLICY, evaluation, make_prod_run

from contract.data.section import DataConfig
from contract.evaluation.section import EvaluationConfig
from contract.policy.targets import Targets
from contract.project.base_model import BaseModel
from contract.project.file import Project
from contract.project.gate import GateRules
from release.stages.approval import exports
from release.stages.code_archive import UploadedCode
from release.stages.evaluate import EvaluationInputs, evaluate, evaluation_job, find_champion
from release.stages.processing import processing_request
from release.stages.run import Run

ARCHIVE = UploadedCode("s3://moderation-models/code/abc/source.tar.gz", "abc", "def")
PROJECT = Project(
    data=DataConfig(labels_field="labels"),
    base_model=BaseModel("directory", "0" * 64),
    hyperparameters={"epochs": "2"},
    policy=Targets(block_precision=0.9),
    gate=GateRules(minimum={"macro_auroc": 0.75}, baseline_margin=-0.02),
    evaluation=EvaluationConfig(),
)
MODEL = "s3://moderation-models/training/job/output/model.tar.gz"
BASE_MODEL = "s3://moderation-data/base-models/0123/"
STRICT = dataclasses.replace(PROJECT, gate=GateRules(minimum={"macro_auroc": 0.95}))


def scored(auroc=0.9, champion=False):
    whole = evaluation(champion)
    whole["candidate"]["metrics"]["macro_auroc"] = auroc
    return whole


@pytest.fixture
def evaluating(aws, platform, monkeypatch):
    """Runs the stage; the job itself is replaced by what it leaves in S3."""
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    sagemaker.create_model_package_group(ModelPackageGroupName="moderation")

    def run(evaluation, project=PROJECT, shown=None, files=None, archive=ARCHIVE):
        def finish(kind, job_name, session, show):
            left = {"evaluation.json": json.dumps(evaluation), "policy.json": json.dumps(POLICY), **(files or {})}
            for name, body in left.items():
                s3.put_object(Bucket=platform.models_bucket, Key=f"evaluation/{job_name}/{name}", Body=body.encode())

        monkeypatch.setattr("release.stages.evaluate.jobs.wait", finish)
        show = (shown if shown is not None else []).append
        inputs = EvaluationInputs("v1", BASE_MODEL, "job", MODEL)
        return evaluate(Run(platform, project, "c0ffee", aws, show), archive, inputs)

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


def test_a_first_model_is_evaluated_and_registered(aws, evaluating):
    shown = []
    verdict = evaluating(scored(), shown=shown)
    assert verdict.decision.passed
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=verdict.package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"]["commit"] == "c0ffee"
    assert any("Nothing is live in prod" in line for line in shown)


def test_a_model_that_fails_the_gate_is_registered_as_rejected(aws, evaluating):
    verdict = evaluating(scored(auroc=0.5))
    assert exports(verdict)["GATE"] == "FAIL"
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=verdict.package_arn)
    assert package["ModelApprovalStatus"] == "Rejected"


def test_the_champion_is_what_prod_runs_and_its_model_is_an_input(aws, platform, evaluating):
    assert find_champion(platform, aws.client("sagemaker")).arn is None
    sagemaker = aws.client("sagemaker")
    package = serve_prod(aws)
    assert find_champion(platform, sagemaker).arn == package
    verdict = evaluating(scored(champion=True))
    name = sagemaker.list_processing_jobs()["ProcessingJobSummaries"][0]["ProcessingJobName"]
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    inputs = {entry["InputName"]: entry["S3Input"]["S3Uri"] for entry in job["ProcessingInputs"]}
    assert inputs["champion"] == "s3://moderation-models/training/old/output/model.tar.gz"
    assert inputs["candidate"] == MODEL
    assert inputs["base_model"] == BASE_MODEL
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert "--champion" in arguments
    assert arguments[arguments.index("--base-model") + 1] == "/opt/ml/processing/input/base_model"
    assert exports(verdict)["CHAMPION_MACRO_AVERAGE_PRECISION"] == "0.5700"
    assert exports(verdict)["CHAMPION_PACKAGE_ARN"] == package


def test_a_champion_that_can_not_be_compared_is_told_to_the_approver(aws, evaluating):
    serve_prod(aws)
    left_out = scored() | {"champion_left_out": "it knows none of this dataset's labels"}
    summary = exports(evaluating(left_out))["GATE_SUMMARY"]
    assert "Not compared with the model live in prod: it knows none of this dataset's labels." in summary


def test_another_gate_is_applied_to_the_same_evaluation(aws, evaluating):
    first, second = evaluating(scored()), evaluating(scored(), STRICT)
    assert (first.decision.verdict, second.decision.verdict) == ("PASS", "FAIL")
    assert first.package_arn != second.package_arn
    assert len(aws.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]) == 1


def test_the_model_that_prod_runs_is_not_evaluated_nor_registered_again(aws, evaluating):
    sagemaker = aws.client("sagemaker")
    first = evaluating(scored()).package_arn
    make_prod_run(first, sagemaker)
    again = evaluating(scored())
    assert again.package_arn == first
    assert "Prod runs this very model" in exports(again)["GATE_SUMMARY"]
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 1
    rejected = evaluating(scored(), STRICT)
    assert rejected.package_arn != first
    assert not rejected.decision.passed


def test_another_policy_on_the_model_that_prod_runs_is_evaluated_against_it_in_an_archive_of_its_own(
    aws, platform, evaluating
):
    sagemaker = aws.client("sagemaker")
    first = evaluating(scored()).package_arn
    make_prod_run(first, sagemaker)
    project = dataclasses.replace(PROJECT, policy=Targets(block_precision=0.8))
    verdict = evaluating(scored(champion=True), project, files={"model.tar.gz": "packed again"})
    assert "only the decision policy is new" in exports(verdict)["GATE_SUMMARY"]
    names = {job["ProcessingJobName"] for job in sagemaker.list_processing_jobs()["ProcessingJobSummaries"]}
    package = sagemaker.describe_model_package(ModelPackageName=verdict.package_arn)
    properties = package["CustomerMetadataProperties"]
    assert names >= {properties["evaluation_job"]}
    assert len(names) == 2
    assert properties["training_job"] == "job"
    assert properties["trained_model"] == MODEL
    served = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert served == f"s3://moderation-models/evaluation/{properties['evaluation_job']}/model.tar.gz"
    make_prod_run(verdict.package_arn, sagemaker, "second")
    assert evaluating(scored(champion=True), project).package_arn == verdict.package_arn
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 2


TEXTS_SHOWN = dataclasses.replace(PROJECT, evaluation=EvaluationConfig(show_texts=True))
MORE_CASES = dataclasses.replace(ARCHIVE, suite_sha256="fed")


@pytest.mark.parametrize(("project", "archive"), [(TEXTS_SHOWN, ARCHIVE), (PROJECT, MORE_CASES)])
def test_other_settings_of_the_evaluation_evaluate_again(aws, evaluating, project, archive):
    sagemaker = aws.client("sagemaker")
    evaluating(scored())
    evaluating(scored(), project, archive=archive)
    evaluating(scored(), project, archive=archive)
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 2


@pytest.mark.parametrize(("project", "archive"), [(TEXTS_SHOWN, ARCHIVE), (PROJECT, MORE_CASES)])
def test_other_settings_evaluate_the_model_that_prod_runs_again_and_the_approver_is_told(
    aws, evaluating, project, archive
):
    sagemaker = aws.client("sagemaker")
    make_prod_run(evaluating(scored()).package_arn, sagemaker)
    again = evaluating(scored(champion=True), project, archive=archive)
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 2
    assert "Prod runs this very model: only the evaluation is new." in exports(again)["GATE_SUMMARY"]


def test_the_model_card_lies_beside_the_report(aws, platform, evaluating):
    package = evaluating(scored()).package_arn
    job = aws.client("sagemaker").describe_model_package(ModelPackageName=package)["CustomerMetadataProperties"][
        "evaluation_job"
    ]
    page = aws.client("s3").get_object(Bucket=platform.models_bucket, Key=f"evaluation/{job}/model_card.md")["Body"]
    assert "**Gate: PASS.**" in page.read().decode()


def test_without_a_champion_there_is_no_champion_argument(aws, platform):
    inputs = {"candidate": MODEL, "dataset": "s3://d/prepared/v1/"}
    run = Run(platform, PROJECT, "c0ffee", aws)
    request = processing_request(run, ARCHIVE, evaluation_job(platform, "job", inputs))
    model = aws.client("sagemaker").meta.service_model
    validate_parameters(request, model.operation_model("CreateProcessingJob").input_shape)
    assert "--champion" not in request["AppSpecification"]["ContainerArguments"]
