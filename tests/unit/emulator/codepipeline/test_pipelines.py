"""Declarations and tags of pipelines, without one that runs."""

import json

import pytest

from emulator.codepipeline.pipelines import Pipelines
from emulator.core.access import Caller
from emulator.core.errors import AwsError

CALLER = Caller("arn:aws:iam::123456789012:root", None, "AKIA")


def action(name: str, category: str, provider: str, **members) -> dict:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind} | members


@pytest.fixture(scope="module")
def declaration(aws):
    trust = {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws("iam").create_role(RoleName="pipelines", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    source = action(
        "Source",
        "Source",
        "S3",
        configuration={"S3Bucket": "b", "S3ObjectKey": "k"},
        outputArtifacts=[{"name": "source"}],
    )
    return {
        "name": "p",
        "roleArn": role,
        "artifactStore": {"type": "S3", "location": "b"},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Approve", "actions": [action("Approve", "Approval", "Manual")]},
        ],
    }


@pytest.fixture
def pipelines(cloud):
    return Pipelines(cloud, has_source=lambda declaration: False)


def test_versions_count_up_and_each_can_be_read(pipelines, declaration):
    assert pipelines.create_pipeline({"pipeline": declaration}, CALLER)["pipeline"]["version"] == 1
    assert pipelines.update_pipeline({"pipeline": declaration}, CALLER)["pipeline"]["version"] == 2
    assert pipelines.get_pipeline({"name": "p", "version": 1}, CALLER)["pipeline"]["version"] == 1
    with pytest.raises(AwsError, match="Pipeline p has no version 3"):
        pipelines.get_pipeline({"name": "p", "version": 3}, CALLER)
    with pytest.raises(AwsError, match="already exists"):
        pipelines.create_pipeline({"pipeline": declaration}, CALLER)


def test_tags_go_with_their_pipeline(pipelines, declaration):
    arn = {"resourceArn": "arn:aws:codepipeline:us-east-1:123456789012:p"}
    made = pipelines.create_pipeline({"pipeline": declaration, "tags": [{"key": "a", "value": "1"}]}, CALLER)
    assert made["tags"] == [{"key": "a", "value": "1"}]
    pipelines.tag_resource(arn | {"tags": [{"key": "b", "value": "2"}]}, CALLER)
    pipelines.untag_resource(arn | {"tagKeys": ["a", "absent"]}, CALLER)
    assert pipelines.list_tags_for_resource(arn, CALLER) == {"tags": [{"key": "b", "value": "2"}]}
    pipelines.delete_pipeline({"name": "p"}, CALLER)
    with pytest.raises(AwsError, match="was not found"):
        pipelines.list_tags_for_resource(arn, CALLER)
    assert pipelines.all() == []


def test_a_new_pipeline_starts_at_once_where_its_source_is_there(cloud, declaration):
    pipelines = Pipelines(cloud, has_source=lambda declaration: True)
    pipelines.create_pipeline({"pipeline": declaration}, CALLER)
    (execution,) = pipelines.find("p").executions.values()
    assert execution.trigger_type == "CreatePipeline"
    pipelines.delete_pipeline({"name": "p"}, CALLER)
    assert execution.abandoned.is_set()
