"""Projects of CodeBuild: the operations, and what no emulated build could do."""

from __future__ import annotations

import re
import threading

from emulator.codebuild.settings import cache_location
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import page
from emulator.iam.roles import check_role

SOURCE_TYPES = ("CODEPIPELINE", "S3", "NO_SOURCE")
ENVIRONMENT_TYPES = ("LINUX_CONTAINER", "LINUX_GPU_CONTAINER", "ARM_CONTAINER")

# A project's members that a request sets as they are.
PROJECT_MEMBERS = (
    "description",
    "source",
    "secondarySources",
    "sourceVersion",
    "secondarySourceVersions",
    "artifacts",
    "secondaryArtifacts",
    "cache",
    "environment",
    "serviceRole",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "encryptionKey",
    "tags",
    "vpcConfig",
    "logsConfig",
    "fileSystemLocations",
    "buildBatchConfig",
    "concurrentBuildLimit",
    "autoRetryLimit",
)


class Projects:
    """CreateProject, UpdateProject, DeleteProject, BatchGetProjects, ListProjects, InvalidateProjectCache."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._lock = threading.RLock()
        self._projects: dict[str, dict] = {}  # by name

    def create_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            name = request["name"]
            if name in self._projects:
                raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {self._project_arn(name)}")
            check_project(request)
            check_role(self._cloud, "codebuild", request["serviceRole"])
            now = self._cloud.now()
            project = {"name": name, "arn": self._project_arn(name), "created": now, "projectVisibility": "PRIVATE"}
            self._projects[name] = project | self._settings_of(request) | {"lastModified": now}
            return {"project": self._projects[name]}

    def update_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            project = self.find(request["name"])
            changed = project | self._settings_of(project | request) | {"lastModified": self._cloud.now()}
            check_project(changed)
            check_role(self._cloud, "codebuild", changed["serviceRole"])
            self._projects[project["name"]] = changed
            return {"project": changed}

    def delete_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._projects.pop(_project_name(request["name"]), None)
        return {}

    def batch_get_projects(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            names = [_project_name(name) for name in request["names"]]
            found = [self._projects[name] for name in names if name in self._projects]
            absent = [name for name in names if name not in self._projects]
        return {"projects": found, "projectsNotFound": absent}

    def list_projects(self, request: dict, caller: Caller) -> dict:
        keys = {
            "NAME": lambda project: project["name"],
            "CREATED_TIME": lambda project: project["created"],
            "LAST_MODIFIED_TIME": lambda project: project["lastModified"],
        }
        with self._lock:
            projects = sorted(self._projects.values(), key=keys[request.get("sortBy", "NAME")])
        names = [project["name"] for project in projects]
        if request.get("sortOrder") == "DESCENDING":
            names.reverse()
        return page("projects", names, request)

    def invalidate_project_cache(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            cache = cache_location(self.find(request["projectName"]))
        if cache is not None:
            self._cloud.client("s3").delete_object(Bucket=cache[0], Key=cache[1])
        return {}

    def find(self, name_or_arn: str) -> dict:
        """The project. Raises ResourceNotFoundException where there is none."""
        name = _project_name(name_or_arn)
        with self._lock:
            if name not in self._projects:
                raise AwsError("ResourceNotFoundException", f"Project cannot be found: {self._project_arn(name)}")
            return self._projects[name]

    def _project_arn(self, name: str) -> str:
        return self._cloud.arn("codebuild", f"project/{name}")

    def _settings_of(self, request: dict) -> dict:
        """What a project is made of, with the defaults that AWS adds."""
        settings = {member: request[member] for member in PROJECT_MEMBERS if member in request}
        environment = {"privilegedMode": False, "imagePullCredentialsType": "CODEBUILD", **request["environment"]}
        environment["environmentVariables"] = [
            {"type": "PLAINTEXT", **variable} for variable in environment.get("environmentVariables", [])
        ]
        badge = request.get("badge") or {"badgeEnabled": request.get("badgeEnabled", False)}
        return {
            "timeoutInMinutes": 60,
            "queuedTimeoutInMinutes": 480,
            "encryptionKey": self._cloud.arn("kms", "alias/aws/s3"),
            "cache": {"type": "NO_CACHE"},
            **settings,
            "source": {"insecureSsl": False, **request["source"]},
            "artifacts": {"encryptionDisabled": False, **request["artifacts"]},
            "environment": environment,
            "badge": badge,
        }


def _project_name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def check_project(project: dict) -> None:
    """Refuses what no emulated build could do. Raises AwsError that names the member and what is expected."""
    environment = project["environment"]
    problems = []
    for source in [project["source"], *project.get("secondarySources", [])]:
        if source["type"] not in SOURCE_TYPES:
            problems.append(f"source type {source['type']} is not emulated: expected one of {', '.join(SOURCE_TYPES)}")
        if source["type"] == "S3" and not re.fullmatch(r"[^/]+/.+", source.get("location", "")):
            problems.append(f"source location {source.get('location')!r}: expected <bucket>/<key of a zip or prefix/>")
        if source["type"] == "NO_SOURCE" and "\n" not in source.get("buildspec", ""):
            problems.append("a project without source needs an inline buildspec")

    if environment["type"] not in ENVIRONMENT_TYPES:
        problems.append(f"environment type {environment['type']} is not emulated: expected a Linux container")
    if environment.get("privilegedMode"):
        problems.append("privilegedMode is not emulated: there is no Docker daemon in a build")
    if project.get("buildBatchConfig"):
        problems.append("buildBatchConfig is not emulated: batch builds are absent")
    if project.get("fileSystemLocations"):
        problems.append("fileSystemLocations are not emulated: there is no EFS")
    if (project["source"]["type"] == "CODEPIPELINE") != (project["artifacts"]["type"] == "CODEPIPELINE"):
        problems.append("source and artifacts must both be of type CODEPIPELINE, or neither")
    if problems:
        raise AwsError("InvalidInputException", "; ".join(problems))
