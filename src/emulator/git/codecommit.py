"""CodeCommit: repositories that git reads and writes at /v1/repos/<name>."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING

from moto.utilities.tagging_service import TaggingService

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.service import Service
from emulator.git.repositories import CODECOMMIT_OWNER, Repositories, git

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


class CodeCommit(Service):
    """Repositories, branches and commits; pull requests and file edits by API are absent."""

    service_name = "codecommit"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._git = Repositories(cloud)
        self._repositories: dict[str, dict] = {}  # RepositoryMetadata by name
        self._tags = TaggingService()  # by ARN

    def create_repository(self, request: dict, caller: Caller) -> dict:
        name = request["repositoryName"]
        if name in self._repositories:
            raise AwsError("RepositoryNameExistsException", f"Repository named {name} already exists")
        self._git.create(f"{CODECOMMIT_OWNER}/{name}")
        now = self.cloud.now()
        self._repositories[name] = {
            "accountId": self.cloud.account_id,
            "repositoryId": str(uuid.uuid4()),
            "repositoryName": name,
            "repositoryDescription": request.get("repositoryDescription"),
            "creationDate": now,
            "lastModifiedDate": now,
            "cloneUrlHttp": f"{self.cloud.url}/v1/repos/{name}",
            "cloneUrlSsh": f"ssh://git-codecommit.{self.cloud.region}.amazonaws.com/v1/repos/{name}",
            "Arn": self.cloud.arn("codecommit", name),
            "kmsKeyId": request.get("kmsKeyId", self.cloud.arn("kms", "alias/aws/codecommit")),
        }
        tags = TaggingService.convert_dict_to_tags_input(request.get("tags", {}))
        self._tags.tag_resource(self._repositories[name]["Arn"], tags)
        return {"repositoryMetadata": self._described(name)}

    def get_repository(self, request: dict, caller: Caller) -> dict:
        return {"repositoryMetadata": self._described(request["repositoryName"])}

    def batch_get_repositories(self, request: dict, caller: Caller) -> dict:
        names = request["repositoryNames"]
        return {
            "repositories": [self._described(name) for name in names if name in self._repositories],
            "repositoriesNotFound": [name for name in names if name not in self._repositories],
        }

    def list_repositories(self, request: dict, caller: Caller) -> dict:
        found = [
            {"repositoryName": name, "repositoryId": one["repositoryId"]} for name, one in self._repositories.items()
        ]
        return {"repositories": found}

    def delete_repository(self, request: dict, caller: Caller) -> dict:
        found = self._repositories.pop(request["repositoryName"], None)
        if found is None:  # as AWS: no error, no id
            return {}
        self._tags.delete_all_tags_for_resource(found["Arn"])
        shutil.rmtree(self._path(request["repositoryName"]))
        return {"repositoryId": found["repositoryId"]}

    def update_repository_description(self, request: dict, caller: Caller) -> None:
        self._find(request["repositoryName"])["repositoryDescription"] = request.get("repositoryDescription")

    def update_repository_name(self, request: dict, caller: Caller) -> None:
        old, new = request["oldName"], request["newName"]
        found = self._find(old)
        if new in self._repositories:
            raise AwsError("RepositoryNameExistsException", f"Repository named {new} already exists")
        self._path(old).rename(self._path(new))
        arn = self.cloud.arn("codecommit", new)
        self._tags.copy_tags(found["Arn"], arn)
        self._tags.delete_all_tags_for_resource(found["Arn"])
        self._repositories[new] = self._repositories.pop(old) | {
            "repositoryName": new,
            "Arn": arn,
            "cloneUrlHttp": f"{self.cloud.url}/v1/repos/{new}",
            "cloneUrlSsh": f"ssh://git-codecommit.{self.cloud.region}.amazonaws.com/v1/repos/{new}",
        }

    def update_default_branch(self, request: dict, caller: Caller) -> None:
        branch = request["defaultBranchName"]
        self.get_branch({"repositoryName": request["repositoryName"], "branchName": branch}, caller)
        git(self._path(request["repositoryName"]), "symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def get_branch(self, request: dict, caller: Caller) -> dict:
        name, branch = request["repositoryName"], request["branchName"]
        self._find(name)
        return {
            "branch": {
                "branchName": branch,
                "commitId": self._git.head(f"{CODECOMMIT_OWNER}/{name}", branch),
            }
        }

    def list_branches(self, request: dict, caller: Caller) -> dict:
        self._find(request["repositoryName"])
        return {"branches": sorted(self._git.branches(f"{CODECOMMIT_OWNER}/{request['repositoryName']}"))}

    def get_commit(self, request: dict, caller: Caller) -> dict:
        self._find(request["repositoryName"])
        layout = "%H%n%T%n%P%n%an%n%ae%n%ad%n%cn%n%ce%n%cd%n%B"
        try:
            shown = git(
                self._path(request["repositoryName"]),
                "show",
                "--no-patch",
                "--date=raw",
                f"--format={layout}",
                f"{request['commitId']}^{{commit}}",
            )
        except AwsError as error:
            raise AwsError("CommitIdDoesNotExistException", f"Commit {request['commitId']} does not exist.") from error

        commit, tree, parents, *people = shown.split("\n", 9)
        author, committer, message = people[:3], people[3:6], people[6]
        names = ("name", "email", "date")
        return {
            "commit": {
                "commitId": commit,
                "treeId": tree,
                "parents": parents.split(),
                "message": message.rstrip("\n") + "\n",
                "author": dict(zip(names, author, strict=True)),
                "committer": dict(zip(names, committer, strict=True)),
                "additionalData": "",
            }
        }

    def list_tags_for_resource(self, request: dict, caller: Caller) -> dict:
        return {"tags": self._tags.get_tag_dict_for_resource(self._known(request["resourceArn"]))}

    def tag_resource(self, request: dict, caller: Caller) -> None:
        tags = TaggingService.convert_dict_to_tags_input(request["tags"])
        self._tags.tag_resource(self._known(request["resourceArn"]), tags)

    def untag_resource(self, request: dict, caller: Caller) -> None:
        self._tags.untag_resource_using_names(self._known(request["resourceArn"]), request["tagKeys"])

    def _path(self, name: str):
        return self._git.path(f"{CODECOMMIT_OWNER}/{name}")

    def _find(self, name: str) -> dict:
        if name not in self._repositories:
            raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self._repositories[name]

    def _described(self, name: str) -> dict:
        found = dict(self._find(name))
        branches = self._git.branches(f"{CODECOMMIT_OWNER}/{name}")
        head = git(self._path(name), "symbolic-ref", "--short", "HEAD").strip()
        if branches:  # AWS names no default branch while there is no commit
            found["defaultBranch"] = head if head in branches else sorted(branches)[0]
        return found

    def _known(self, arn: str) -> str:
        if not self._tags.has_tags(arn):
            raise AwsError("RepositoryDoesNotExistException", f"{arn} does not exist")
        return arn
