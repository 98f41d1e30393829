"""Builds, by themselves."""

import pytest

from emulator.codebuild.builds import UNSUPPORTED_OVERRIDES, Builds
from emulator.codebuild.projects import Projects
from emulator.codebuild.reports import Reports
from emulator.core.errors import AwsError


@pytest.fixture
def builds(cloud):
    projects = Projects(cloud)
    projects._projects["p"] = {
        "name": "p",
        "source": {"type": "CODEPIPELINE"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {"type": "LINUX_CONTAINER", "environmentVariables": []},
    }
    return Builds(cloud, projects, Reports(cloud))


@pytest.mark.parametrize("name", UNSUPPORTED_OVERRIDES)
def test_an_override_that_would_change_what_a_build_does_and_cannot_is_refused(builds, name):
    with pytest.raises(AwsError, match=f"not emulated: {name}"):
        builds.start_build({"projectName": "p", name: True}, None)


def test_a_project_of_a_pipeline_is_built_by_the_pipeline(builds):
    with pytest.raises(AwsError, match="takes its source from CodePipeline"):
        builds.start_build({"projectName": "p"}, None)


def test_a_build_that_is_not_there_is_named(builds):
    for call in (builds.stop_build, builds.retry_build):
        with pytest.raises(AwsError, match="Build cannot be found: p:1"):
            call({"id": "p:1"}, None)
    assert builds.batch_get_builds({"ids": ["arn:aws:codebuild:x:1:build/p:1"]}, None)["buildsNotFound"] == ["p:1"]
    assert builds.batch_delete_builds({"ids": ["p:1"]}, None) == {"buildsDeleted": [], "buildsNotDeleted": []}
