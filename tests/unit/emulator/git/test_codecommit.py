"""CodeCommit, and git at its clone URL."""

import pytest
from botocore.exceptions import ClientError

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.git.codecommit import CodeCommit


def test_codecommit_repositories_are_pushed_to_at_their_clone_url(aws, work, watcher):
    codecommit = aws("codecommit")
    made = codecommit.create_repository(repositoryName="cc", repositoryDescription="d", tags={"k": "v"})
    assert "defaultBranch" not in made["repositoryMetadata"]
    tip = work.commit({"a": "1"}, "first")
    work.git("push", "-q", made["repositoryMetadata"]["cloneUrlHttp"], "main")
    assert codecommit.get_branch(repositoryName="cc", branchName="main")["branch"]["commitId"] == tip
    assert codecommit.get_repository(repositoryName="cc")["repositoryMetadata"]["defaultBranch"] == "main"
    read = codecommit.get_commit(repositoryName="cc", commitId=tip)["commit"]
    assert (read["message"], read["parents"], read["author"]["name"]) == ("first\n", [], "A")
    assert watcher.told[0][:3] == ("cc", "main", tip)
    assert codecommit.list_tags_for_resource(resourceArn=made["repositoryMetadata"]["Arn"])["tags"] == {"k": "v"}


def test_codecommit_refuses_what_does_not_exist(aws):
    codecommit = aws("codecommit")
    with pytest.raises(ClientError, match="RepositoryDoesNotExistException"):
        codecommit.get_repository(repositoryName="none")
    codecommit.create_repository(repositoryName="gone")
    with pytest.raises(ClientError, match="RepositoryNameExistsException"):
        codecommit.create_repository(repositoryName="gone")
    codecommit.delete_repository(repositoryName="gone")
    assert "gone" not in [one["repositoryName"] for one in codecommit.list_repositories()["repositories"]]


def test_a_renamed_repository_keeps_its_tags_and_takes_a_new_address(tmp_path):
    codecommit = CodeCommit(Cloud(tmp_path, "http://127.0.0.1:1"))
    codecommit.create_repository({"repositoryName": "old", "tags": {"k": "v"}}, None)
    codecommit.update_repository_name({"oldName": "old", "newName": "new"}, None)
    found = codecommit.get_repository({"repositoryName": "new"}, None)["repositoryMetadata"]
    assert found["cloneUrlHttp"] == "http://127.0.0.1:1/v1/repos/new"
    codecommit.tag_resource({"resourceArn": found["Arn"], "tags": {"l": "w"}}, None)
    codecommit.untag_resource({"resourceArn": found["Arn"], "tagKeys": ["k", "absent"]}, None)
    assert codecommit.list_tags_for_resource({"resourceArn": found["Arn"]}, None) == {"tags": {"l": "w"}}
    with pytest.raises(AwsError, match="old does not exist"):
        codecommit.get_repository({"repositoryName": "old"}, None)
