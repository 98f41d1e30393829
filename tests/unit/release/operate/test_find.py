import pytest

from release.operate.find import command_to, find_endpoint, find_pipeline, shown_execution


def test_the_only_pipeline_is_the_one_meant(code_pipeline):
    assert find_pipeline(code_pipeline(), None, {}) == "moderation"
    assert find_pipeline(code_pipeline(("a", "b")), "b", {}) == "b"
    assert find_pipeline(code_pipeline(("a", "b")), None, {"PIPELINE_NAME": "a"}) == "a"


@pytest.mark.parametrize(("names", "message"), [((), "found none"), (("a", "b"), "found a, b")])
def test_no_pipeline_or_several_is_a_question_back(code_pipeline, names, message):
    with pytest.raises(ValueError, match=message):
        find_pipeline(code_pipeline(names), None, {})


class Endpoints:
    """SageMaker with endpoints of these names."""

    def __init__(self, *names):
        self.names = names

    def get_paginator(self, operation):
        assert operation == "list_endpoints"
        return self

    def paginate(self, NameContains):
        return [{"Endpoints": [{"EndpointName": name} for name in self.names if NameContains in name]}]


def test_the_only_endpoint_of_an_environment_is_the_one_meant():
    sagemaker = Endpoints("moderation-prod", "moderation-prod-canary", "moderation-staging")
    assert find_endpoint(sagemaker, "prod", None, {}) == "moderation-prod"
    assert find_endpoint(sagemaker, "prod", "another", {}) == "another"
    assert find_endpoint(sagemaker, "prod", None, {"PROD_ENDPOINT_NAME": "mine"}) == "mine"


@pytest.mark.parametrize(("names", "message"), [((), "found none"), (("a-prod", "b-prod"), "found a-prod, b-prod")])
def test_no_endpoint_or_several_is_a_question_back(names, message):
    with pytest.raises(ValueError, match=message):
        find_endpoint(Endpoints(*names), "prod", None, {})


def test_the_running_execution_is_shown_before_a_younger_one_that_waits_behind_it(code_pipeline, execution):
    waiting = {"pipelineExecutionId": "e-2", "status": "InProgress"}
    done = {"pipelineExecutionId": "e-0", "status": "Succeeded"}
    assert shown_execution(code_pipeline(executions=[waiting, execution, done]), "p") == execution
    assert shown_execution(code_pipeline(executions=[done]), "p") == done
    assert shown_execution(code_pipeline(executions=[]), "p") is None


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("https://codepipeline.eu-west-1.amazonaws.com", "python -m release approve --execution e-1"),
        ("http://127.0.0.1:4566", "make approve EXECUTION=e-1"),
    ],
)
def test_a_command_is_that_of_the_place_where_the_pipeline_runs(code_pipeline, monkeypatch, url, command):
    codepipeline = code_pipeline()
    monkeypatch.setattr(codepipeline.meta, "endpoint_url", url)
    assert command_to("approve", codepipeline, "e-1") == command
