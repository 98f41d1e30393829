import dataclasses

import botocore.session
import pytest
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from release import registry
from release.gate import Decision, Rule
from release.registry import Candidate, metadata_properties, metadata_value, package_request

PASSED = Decision(True, (Rule("minimum.macro_auroc", 0.75, 0.9, True, "macro auroc is 0.900: passed."),))
FAILED = Decision(False, (Rule("minimum.macro_auroc", 0.95, 0.9, False, "macro auroc is 0.900: failed."),))


def candidate(**changes):
    return dataclasses.replace(
        Candidate(
            model_data_uri="s3://moderation-models/training/j/output/model.tar.gz",
            training_job_name="moderation-train-abc",
            evaluation_job_name="moderation-evaluate-def",
            evaluation_uri="s3://moderation-models/evaluation/moderation-evaluate-def/",
            dataset_version="0123456789abcdef",
            commit_id="c0ffee",
            policy_id="p-0123456789ab",
            hyperparameters={"epochs": "2", "batch-size": "16"},
            decision=PASSED,
        ),
        **changes,
    )


@pytest.fixture
def sagemaker(aws):
    client = aws.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="moderation")
    return client


def test_the_request_is_one_that_sagemaker_knows(platform):
    model = botocore.session.get_session().get_service_model("sagemaker")
    validate_parameters(package_request(candidate(), platform), model.operation_model("CreateModelPackage").input_shape)


def test_a_package_carries_where_it_comes_from(platform):
    properties = metadata_properties(candidate(), platform)
    assert properties["commit"] == "c0ffee"
    assert properties["dataset_version"] == "0123456789abcdef"
    assert properties["training_image"] == platform.training_image_uri
    assert properties["hp_epochs"] == "2"


@given(st.text(max_size=400))
def test_any_text_becomes_a_value_that_the_registry_takes(text):
    value = metadata_value(text)
    assert len(value) <= 256
    assert all(character.isalnum() or character.isspace() or character in "_.:/=+-@" for character in value)


def test_more_hyperparameters_than_fit_leave_the_provenance_whole(platform):
    many = {f"option-{index}": str(index) for index in range(80)}
    properties = metadata_properties(candidate(hyperparameters=many), platform)
    assert len(properties) == 50
    assert properties["gate"] == "PASS"


@pytest.mark.parametrize(("decision", "status"), [(PASSED, "PendingManualApproval"), (FAILED, "Rejected")])
def test_the_verdict_decides_the_approval_status(platform, sagemaker, decision, status):
    arn = registry.register(candidate(decision=decision), platform, sagemaker)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == status


def test_a_rejected_package_says_why(platform):
    request = package_request(candidate(decision=FAILED), platform)
    assert "macro auroc is 0.900: failed." in request["ModelPackageDescription"]
    assert "0.900" in request["CustomerMetadataProperties"]["gate_failed_1"]


def test_an_unchanged_candidate_is_registered_once_even_from_another_commit(platform, sagemaker):
    first = registry.register(candidate(), platform, sagemaker)
    assert registry.register(candidate(commit_id="decaf"), platform, sagemaker) == first


@pytest.mark.parametrize(
    "change",
    [{"decision": FAILED}, {"model_data_uri": "s3://other/model.tar.gz"}, {"evaluation_job_name": "other"}],
)
def test_another_model_evaluation_or_rule_is_another_package(platform, sagemaker, change):
    first = registry.register(candidate(), platform, sagemaker)
    assert registry.register(candidate(**change), platform, sagemaker) != first


def test_the_model_of_a_package_is_found(platform, sagemaker):
    arn = registry.register(candidate(), platform, sagemaker)
    assert registry.model_data_uri(arn, sagemaker) == candidate().model_data_uri
