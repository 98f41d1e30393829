"""Declarations of pipelines: what is refused when they are created, and how it is said."""

import copy

import pytest

from emulator.codepipeline.definition import check, with_defaults
from emulator.core.errors import AwsError

GOOD = {
    "name": "p",
    "roleArn": "arn:aws:iam::123456789012:role/p",
    "pipelineType": "V2",
    "artifactStore": {"type": "S3", "location": "bucket"},
    "stages": [
        {
            "name": "Source",
            "actions": [
                {
                    "name": "Source",
                    "actionTypeId": {
                        "category": "Source",
                        "owner": "AWS",
                        "provider": "CodeStarSourceConnection",
                        "version": "1",
                    },
                    "configuration": {"ConnectionArn": "c", "FullRepositoryId": "o/n", "BranchName": "main"},
                    "outputArtifacts": [{"name": "source"}],
                    "namespace": "Source",
                }
            ],
        },
        {
            "name": "Build",
            "actions": [
                {
                    "name": "Build",
                    "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                    "configuration": {"ProjectName": "x"},
                    "inputArtifacts": [{"name": "source"}],
                    "outputArtifacts": [{"name": "built"}],
                    "namespace": "Build",
                }
            ],
        },
    ],
}


def variable_check(result: str, **configuration) -> dict:
    rule = {
        "name": "r",
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
        "configuration": {"Variable": "#{Source.CommitId}", "Operator": "EQ", "Value": "x"} | configuration,
    }
    return {"conditions": [{"result": result, "rules": [rule]}]}


def test_a_good_declaration_passes_and_gets_the_defaults_of_aws():
    check(GOOD, "us-east-1")
    found = with_defaults(GOOD)
    assert found["executionMode"] == "SUPERSEDED"
    action = found["stages"][0]["actions"][0]
    assert (action["runOrder"], action["inputArtifacts"]) == (1, [])
    assert "runOrder" not in GOOD["stages"][0]["actions"][0]


def source(declaration: dict) -> dict:
    return declaration["stages"][0]["actions"][0]


def build(declaration: dict) -> dict:
    return declaration["stages"][1]["actions"][0]


def provider(category: str, name: str):
    def change(declaration: dict) -> None:
        build(declaration)["actionTypeId"] = {"category": category, "owner": "AWS", "provider": name, "version": "1"}

    return change


def configured(action, **values):
    return lambda declaration: action(declaration)["configuration"].update(values)


def with_trigger(**git):
    def change(declaration: dict) -> None:
        declaration["triggers"] = [
            {"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", **git}}
        ]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["stages"].pop(), "found 1 stage, expected at least two"),
        (lambda d: d["stages"].reverse(), "may hold source actions only"),
        (lambda d: d["stages"][1].update(name="Source"), "stage name Source is there twice"),
        (lambda d: d["stages"][1].update(actions=[]), "stage Build has no actions"),
        (lambda d: d.pop("artifactStore"), "either artifactStore or artifactStores"),
        (lambda d: d.update(pipelineType="V1", executionMode="QUEUED"), "executionMode QUEUED needs pipelineType V2"),
        (provider("Deploy", "ECS"), "Deploy by AWS/ECS version 1 is not emulated; emulated providers: CodeBuild"),
        (provider("Invoke", "Lambda"), "Invoke by AWS/Lambda"),
        (configured(build, BatchEnabled="true"), "BatchEnabled is not emulated"),
        (configured(build, Typo="x"), "the configuration of CodeBuild has no Typo"),
        (configured(build, EnvironmentVariables="{"), "EnvironmentVariables is not JSON"),
        (configured(build, EnvironmentVariables='[{"name": "x"}]'), "expected a JSON list like"),
        (
            configured(build, EnvironmentVariables='[{"name": "x", "value": "#{Train.Y}"}]'),
            "no earlier action has the namespace Train",
        ),
        (configured(build, ProjectName="#{Build.X}"), "no earlier action has the namespace Build"),
        (configured(build, ProjectName="#{codepipeline.Nothing}"), "has PipelineExecutionId only"),
        (configured(build, ProjectName="#{variables.word}"), "declares no variable word"),
        (configured(source, OutputArtifactFormat="CODEBUILD_CLONE_REF"), "CODEBUILD_CLONE_REF is not emulated"),
        (lambda d: source(d)["configuration"].pop("BranchName"), "the configuration lacks BranchName"),
        (
            lambda d: build(d).update(inputArtifacts=[{"name": "other"}]),
            "no earlier action has the output artifact other",
        ),
        (lambda d: build(d).update(outputArtifacts=[{"name": "source"}]), "output artifact source is another action's"),
        (lambda d: build(d).update(namespace="Source"), "the namespace Source is taken"),
        (lambda d: build(d).update(region="eu-west-1"), "another region than us-east-1"),
        (lambda d: build(d).update(timeoutInMinutes=5), "manual approvals only"),
        (lambda d: d["stages"][1].update(beforeEntry=variable_check("ROLLBACK")), "expected FAIL or SKIP"),
        (lambda d: d["stages"][1].update(onSuccess=variable_check("SKIP")), "expected FAIL or ROLLBACK"),
        (
            lambda d: d["stages"][1].update(beforeEntry=variable_check("FAIL", Operator="GT")),
            "expected EQ, NE, CONTAINS",
        ),
        (
            lambda d: d["stages"][1].update(beforeEntry=variable_check("FAIL", Operator="MATCHES", Value="(")),
            "is no expression",
        ),
        (with_trigger(sourceActionName="Other", push=[{}]), "the trigger names the source action Other"),
        (with_trigger(pullRequest=[{}]), "triggers on pull requests are not emulated"),
    ],
)
def test_what_could_not_run_is_refused_by_name(change, said):
    declaration = copy.deepcopy(GOOD)
    change(declaration)
    with pytest.raises(AwsError) as refused:
        check(declaration, "us-east-1")
    assert said in refused.value.message
