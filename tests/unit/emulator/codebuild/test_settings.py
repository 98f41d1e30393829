"""What a build is given."""

import pytest

from emulator.codebuild.settings import Source, artifact_location, cache_location, overridden, session_of, settings_of

PROJECT = {
    "name": "p",
    "arn": "arn:p",
    "serviceRole": "arn:role",
    "source": {"type": "S3", "location": "arn:aws:s3:::b/key.zip"},
    "artifacts": {"type": "S3", "location": "arn:aws:s3:::out", "path": "/a/", "namespaceType": "BUILD_ID"},
    "environment": {"image": "i", "environmentVariables": [{"name": "A", "value": "1", "type": "PLAINTEXT"}]},
    "cache": {"type": "NO_CACHE"},
    "encryptionKey": "arn:aws:kms:us-east-1:1:alias/aws/s3",
    "timeoutInMinutes": 2,
}
BUILD = {"id": "p:1", "arn": "arn:b", "buildNumber": 1, "sourceVersion": "v1", "logs": {}, "initiator": "me"}


def test_a_build_sees_the_project_with_its_own_overrides():
    project = {
        "source": {"type": "CODEPIPELINE", "buildspec": "a.yml"},
        "environment": {"image": "i", "environmentVariables": [{"name": "A", "value": "1", "type": "PLAINTEXT"}]},
        "timeoutInMinutes": 60,
    }
    request = {
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": "b/k",
        "environmentVariablesOverride": [{"name": "B", "value": "2"}],
        "timeoutInMinutesOverride": 5,
    }
    found = overridden(project, request)
    assert found["source"] == {"type": "S3", "location": "b/k", "buildspec": "a.yml"}
    assert {one["name"]: one["value"] for one in found["environment"]["environmentVariables"]} == {"A": "1", "B": "2"}
    assert found["timeoutInMinutes"] == 5
    assert project["source"] == {"type": "CODEPIPELINE", "buildspec": "a.yml"}


def test_settings_name_source_target_and_time():
    settings = settings_of(PROJECT, BUILD, lambda group, cases: None)
    assert settings.sources == (Source(None, "b", "key.zip", "v1"),)
    (target,) = settings.targets
    assert (target.bucket, target.path, target.name, target.kms_key_id) == ("out", "a/1", "p", None)
    assert (settings.timeout_seconds, settings.variables) == (120, (("A", "1", "PLAINTEXT"),))
    assert session_of(settings.build_id) == "AWSCodeBuild-1"


def test_the_arn_that_codepipeline_gives_as_version_is_no_object_version():
    settings = settings_of(PROJECT, BUILD | {"sourceVersion": "arn:aws:s3:::b/key.zip"}, lambda group, cases: None)
    assert settings.sources[0].version_id is None


def test_a_cache_lies_under_a_name_that_no_other_project_has():
    in_s3 = PROJECT | {"cache": {"type": "S3", "location": "b/prefix/"}}
    bucket, key = cache_location(in_s3)
    assert (bucket, key.startswith("prefix/"), key.endswith(".tar.gz")) == ("b", True, True)
    assert cache_location(in_s3 | {"name": "q"}) != (bucket, key)
    assert cache_location(PROJECT) is None


@pytest.mark.parametrize(
    ("artifacts", "location"),
    [
        ({"type": "NO_ARTIFACTS"}, ""),
        ({"type": "S3", "location": "b", "path": "/x/", "name": "n"}, "arn:aws:s3:::b/x/n"),
    ],
)
def test_a_build_says_where_its_artifacts_are(artifacts, location):
    assert artifact_location(artifacts) == location
