"""A pipeline in which one approval waits, as CodePipeline answers for it."""

from datetime import datetime

import pytest

from release.operate.progress import Stage

EVALUATED = {
    "GATE": "PASS",
    "GATE_SUMMARY": "All 3 rules passed.",
    "MODEL_PACKAGE_ARN": "arn:package/1",
    "MACRO_AVERAGE_PRECISION": "0.6000",
    "CHAMPION_MACRO_AVERAGE_PRECISION": "none",
    "MACRO_AUROC": "0.9000",
    "MACRO_F1": "0.5000",
    "AGAINST_CHAMPION": "none",
    "WORST_LABEL": "threat -0.040 (-0.090 to +0.010)",
    "MOST_FLIPS": "insult 3.1%",
    "FALSE_POSITIVES_PER_1000_CLEAN": "20.0",
    "POLICY_ID": "p-0123456789ab",
    "REPORT_URL": "https://report",
}
EXECUTION = {
    "pipelineExecutionId": "e-1",
    "status": "InProgress",
    "sourceRevisions": [{"revisionId": "0123456789abcdef"}],
}


class CodePipeline:
    """A pipeline in which one approval waits, unless told otherwise."""

    class meta:
        region_name = "eu-west-1"
        endpoint_url = "https://codepipeline.eu-west-1.amazonaws.com"

    def __init__(self, names=("moderation",), waiting=True, executions=(EXECUTION,), outputs=EVALUATED):
        self.names, self.waiting, self.executions, self.results = names, waiting, list(executions), []
        self.outputs, self.operation = outputs, ""

    def client(self, service):
        return self

    def get_paginator(self, operation):
        self.operation = operation
        return self

    def paginate(self, **filters):
        if self.operation == "list_pipelines":
            return [{"pipelines": [{"name": name} for name in self.names]}]
        assert filters["filter"] == {"pipelineExecutionId": "e-1"}
        moment = datetime(2026, 1, 1)
        evaluated = {
            "stageName": "Evaluate",
            "actionName": "Evaluate",
            "status": "Succeeded",
            "startTime": moment,
            "lastUpdateTime": moment,
            "output": {"outputVariables": self.outputs},
        }
        return [{"actionExecutionDetails": [evaluated]}]

    def list_pipeline_executions(self, pipelineName, maxResults):
        return {"pipelineExecutionSummaries": self.executions}

    def get_pipeline_state(self, name):
        latest = {"status": "InProgress", "token": "t-1"} if self.waiting else {"status": "Succeeded"}
        return {
            "stageStates": [
                {"stageName": "Source", "actionStates": [{"actionName": "Source"}]},
                {
                    "stageName": "Approve",
                    "latestExecution": {"pipelineExecutionId": "e-1"},
                    "actionStates": [{"actionName": "Approve", "latestExecution": latest}],
                },
            ]
        }

    def put_approval_result(self, **request):
        self.results.append(request)


@pytest.fixture
def evaluated():
    """What Evaluate exports."""
    return dict(EVALUATED)


@pytest.fixture
def execution():
    """A pipeline's execution that runs."""
    return dict(EXECUTION)


@pytest.fixture
def code_pipeline():
    """code_pipeline(...) -> a session whose CodePipeline has these pipelines, executions and outputs of Evaluate."""
    return CodePipeline


@pytest.fixture
def stage():
    """stage(name, ...) -> a stage of an execution."""

    def made(name, status="Succeeded", seconds=10.0, outputs=None, log=("group", "stream"), summary=""):
        return Stage(name, status, seconds, outputs or {}, log, summary)

    return made
