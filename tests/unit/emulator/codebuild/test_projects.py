"""Projects, by themselves."""

import pytest

from emulator.codebuild.projects import Projects, check_project
from emulator.core.errors import AwsError

PROJECT = {
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\n"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "i"},
}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"source": {"type": "S3", "location": "bucket-only"}}, "expected <bucket>/<key of a zip or prefix/>"),
        ({"source": {"type": "NO_SOURCE", "buildspec": "ci.yml"}}, "needs an inline buildspec"),
        ({"buildBatchConfig": {"x": 1}}, "batch builds are absent"),
        ({"fileSystemLocations": [{}]}, "there is no EFS"),
        ({"artifacts": {"type": "CODEPIPELINE"}}, "both be of type CODEPIPELINE, or neither"),
    ],
)
def test_what_no_emulated_build_could_do_is_named(members, said):
    check_project(PROJECT)
    with pytest.raises(AwsError, match=said):
        check_project(PROJECT | members)


def test_a_project_is_found_by_name_and_arn_or_named_in_the_refusal(cloud):
    projects = Projects(cloud)
    projects._projects["p"] = {"name": "p"}
    assert projects.find("p") is projects.find(cloud.arn("codebuild", "project/p"))
    with pytest.raises(AwsError, match=r"Project cannot be found: arn:aws:codebuild.*project/absent"):
        projects.find("absent")
