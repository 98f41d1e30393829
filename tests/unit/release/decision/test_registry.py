import dataclasses
import json

import botocore.session
import pytest
from botocore.validate import validate_parameters
from helpers.evaluations import FAILED, PASSED, candidate
from hypothesis import given
from hypothesis import strategies as st

from release.decision import registry
from release.decision.registry import metadata_properties, metadata_value, package_request


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
    [
        {"decision": FAILED},
        {"decision": dataclasses.replace(FAILED, mode="report")},
        {"model_data_uri": "s3://other/model.tar.gz"},
        {"evaluation_job_name": "other"},
    ],
)
def test_another_model_evaluation_or_rule_is_another_package(platform, sagemaker, change):
    first = registry.register(candidate(), platform, sagemaker)
    assert registry.register(candidate(**change), platform, sagemaker) != first


def test_the_model_of_a_package_is_found(platform, sagemaker):
    arn = registry.register(candidate(), platform, sagemaker)
    package = registry.describe(arn, sagemaker)
    assert registry.model_data_uri(package) == candidate().model_data_uri
    assert registry.properties(package)["policy"] == "p-0123456789ab"


def test_a_candidate_that_only_a_report_would_have_stopped_waits_and_says_so(platform):
    request = package_request(candidate(decision=dataclasses.replace(FAILED, mode="report")), platform)
    assert request["ModelApprovalStatus"] == "PendingManualApproval"
    assert request["CustomerMetadataProperties"]["gate_mode"] == "report"
    assert "0.900" in request["CustomerMetadataProperties"]["gate_failed_1"]


def test_a_package_carries_its_model_card(platform):
    card = package_request(candidate(), platform)["ModelCard"]
    assert card["ModelCardStatus"] == "PendingReview"
    assert json.loads(card["ModelCardContent"])["model_overview"]["model_artifact"] == [candidate().model_data_uri]
    assert package_request(candidate(decision=FAILED), platform)["ModelCard"]["ModelCardStatus"] == "Draft"
