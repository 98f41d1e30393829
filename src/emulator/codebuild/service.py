"""CodeBuild: projects, builds that really run (see runner), and their test reports."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.codebuild.reports import TestCase, summary
from emulator.codebuild.runner import BuildRecord, BuildRun, BuildSettings, Source, Target, remove_all_but, session_of
from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import page
from emulator.core.service import Service
from emulator.iam.authorisation import call_under_role
from emulator.iam.roles import check_role

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

SOURCE_TYPES = ("CODEPIPELINE", "S3", "NO_SOURCE")
ENVIRONMENT_TYPES = ("LINUX_CONTAINER", "LINUX_GPU_CONTAINER", "ARM_CONTAINER")
FAILED_BUILDS_KEPT = 3  # directories of failed builds that stay for a look
REPORT_LIFETIME_DAYS = 30
REPORT_CALLS = ("CreateReport", "BatchPutTestCases", "UpdateReport")  # what a build does for each of its reports
PIPELINE_INITIATOR = "codepipeline/"

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

# Parameters of StartBuild that would change what an emulated build does, and can't.
UNSUPPORTED_OVERRIDES = ("privilegedModeOverride", "debugSessionEnabled", "fleetOverride", "autoRetryLimitOverride")


class CodeBuild(Service):
    """Projects, builds, report groups and reports. Batch builds, fleets, sandboxes and webhooks are absent."""

    service_name = "codebuild"
    validation_error_code = "InvalidInputException"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._projects: dict[str, dict] = {}
        self._builds: dict[str, BuildRecord] = {}  # in the order of their start
        self._build_requests: dict[str, dict] = {}  # what StartBuild got, for a retry
        self._by_token: dict[str, str] = {}  # idempotency token -> build id
        self._numbers: dict[str, int] = {}  # last build number of a project
        self._running: dict[str, int] = {}  # builds of a project that are past their queue
        self._queue = threading.Condition(self._lock)
        self._report_groups: dict[str, dict] = {}  # by ARN
        self._reports: dict[str, dict] = {}  # by ARN, oldest first
        self._test_cases: dict[str, list[dict]] = {}  # by report ARN

    def stop(self) -> None:
        with self._lock:
            records = list(self._builds.values())
            for record in records:
                record.stop_requested.set()
            self._queue.notify_all()
        for record in records:
            record.finished.wait(8)

    # projects

    def create_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            name = request["name"]
            if name in self._projects:
                raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {self._project_arn(name)}")
            check_project(request)
            check_role(self.cloud, "codebuild", request["serviceRole"])
            now = self.cloud.now()
            project = {"name": name, "arn": self._project_arn(name), "created": now, "projectVisibility": "PRIVATE"}
            self._projects[name] = project | self._settings_of(request) | {"lastModified": now}
            return {"project": self._projects[name]}

    def update_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            project = self._project(request["name"])
            changed = project | self._settings_of(project | request) | {"lastModified": self.cloud.now()}
            check_project(changed)
            check_role(self.cloud, "codebuild", changed["serviceRole"])
            self._projects[project["name"]] = changed
            return {"project": changed}

    def delete_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._projects.pop(self._project_name(request["name"]), None)
        return {}

    def batch_get_projects(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            names = [self._project_name(name) for name in request["names"]]
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
            cache = _cache_location(self._project(request["projectName"]))
        if cache is not None:
            self.cloud.client("s3").delete_object(Bucket=cache[0], Key=cache[1])
        return {}

    def _project(self, name: str) -> dict:
        name = self._project_name(name)
        if name not in self._projects:
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {self._project_arn(name)}")
        return self._projects[name]

    def _project_arn(self, name: str) -> str:
        return self.cloud.arn("codebuild", f"project/{name}")

    def _project_name(self, name_or_arn: str) -> str:
        return name_or_arn.rsplit("/", 1)[-1]

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
            "encryptionKey": self.cloud.arn("kms", "alias/aws/s3"),
            "cache": {"type": "NO_CACHE"},
            **settings,
            "source": {"insecureSsl": False, **request["source"]},
            "artifacts": {"encryptionDisabled": False, **request["artifacts"]},
            "environment": environment,
            "badge": badge,
        }

    # builds

    def start_build(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            token = request.get("idempotencyToken")
            if token in self._by_token:
                return {"build": self._builds[self._by_token[token]].snapshot()}
            project = self._project(request["projectName"])
            if unsupported := [name for name in UNSUPPORTED_OVERRIDES if request.get(name)]:
                raise AwsError("InvalidInputException", f"not emulated: {', '.join(unsupported)}")
            project = overridden(project, request)
            check_project(project)
            if project["source"]["type"] == "CODEPIPELINE":
                raise AwsError(
                    "InvalidInputException",
                    f"project {project['name']} takes its source from CodePipeline: start the pipeline, or override "
                    "source and artifacts (sourceTypeOverride, sourceLocationOverride, artifactsOverride)",
                )
            initiator = token if token and token.startswith(PIPELINE_INITIATOR) else _initiator(caller)
            # CodePipeline's token names the pipeline and then the action execution.
            initiator = "/".join(initiator.split("/")[:2])
            record = self._new_record(project, request, initiator)
            self._builds[record.id] = record
            self._build_requests[record.id] = {k: v for k, v in request.items() if k != "idempotencyToken"}
            if token:
                self._by_token[token] = record.id
        self.cloud.background(self._run, project, record)
        return {"build": record.snapshot()}

    def retry_build(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            again = self._build_requests[self._build(request.get("id", "")).id]
        token = {"idempotencyToken": request["idempotencyToken"]} if "idempotencyToken" in request else {}
        return self.start_build(again | token, caller)

    def stop_build(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            record = self._build(request["id"])
            record.stop_requested.set()
            self._queue.notify_all()
        record.finished.wait(10)
        return {"build": record.snapshot()}

    def batch_get_builds(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            ids = [_build_id(identifier) for identifier in request["ids"]]
            found = [self._builds[one].snapshot() for one in ids if one in self._builds]
            absent = [one for one in ids if one not in self._builds]
        return {"builds": found, "buildsNotFound": absent}

    def list_builds_for_project(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            name = self._project(request["projectName"])["name"]
            ids = [one for one in self._builds if one.startswith(f"{name}:")]
        return page("ids", _sorted(ids, request), request)

    def list_builds(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            ids = list(self._builds)
        return page("ids", _sorted(ids, request), request)

    def batch_delete_builds(self, request: dict, caller: Caller) -> dict:
        deleted, kept = [], []
        with self._lock:
            for build_id in (_build_id(identifier) for identifier in request["ids"]):
                record = self._builds.get(build_id)
                if record is None:
                    continue
                if not record.finished.is_set():
                    kept.append({"id": build_id, "statusCode": "BUILD_IN_PROGRESS"})
                    continue
                deleted.append(record.snapshot()["arn"])
                del self._builds[build_id], self._build_requests[build_id]
        return {"buildsDeleted": deleted, "buildsNotDeleted": kept}

    def wait(self, build_id: str, timeout_seconds: float) -> bool:
        """Whether the build has ended, after waiting for it at most so long. For CodePipeline, in this process."""
        with self._lock:
            record = self._build(build_id)
        return record.finished.wait(timeout_seconds)

    def _build(self, identifier: str) -> BuildRecord:
        build_id = _build_id(identifier)
        if build_id not in self._builds:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {identifier}")
        return self._builds[build_id]

    def _new_record(self, project: dict, request: dict, initiator: str) -> BuildRecord:
        name = project["name"]
        self._numbers[name] = number = self._numbers.get(name, 0) + 1
        identifier = str(uuid.uuid4())
        logs_config = project.get("logsConfig", {})
        cloudwatch = logs_config.get("cloudWatchLogs", {"status": "ENABLED"})
        logs: dict = {"cloudWatchLogs": cloudwatch, "s3Logs": logs_config.get("s3Logs", {"status": "DISABLED"})}
        if cloudwatch["status"] == "ENABLED":
            group = cloudwatch.get("groupName") or f"/aws/codebuild/{name}"
            stream = "/".join(filter(None, [cloudwatch.get("streamName"), identifier]))
            logs |= {
                "groupName": group,
                "streamName": stream,
                "cloudWatchLogsArn": self.cloud.arn("logs", f"log-group:{group}:log-stream:{stream}"),
            }
        description = {
            "id": f"{name}:{identifier}",
            "arn": self.cloud.arn("codebuild", f"build/{name}:{identifier}"),
            "buildNumber": number,
            "startTime": self.cloud.now(),
            "currentPhase": "SUBMITTED",
            "buildStatus": "IN_PROGRESS",
            "sourceVersion": request.get("sourceVersion") or project.get("sourceVersion"),
            "projectName": name,
            "phases": [],
            "source": project["source"],
            "secondarySources": project.get("secondarySources", []),
            "artifacts": {"location": _artifact_location(project["artifacts"])},
            "cache": project["cache"],
            "environment": project["environment"],
            "serviceRole": project["serviceRole"],
            "logs": logs,
            "timeoutInMinutes": project["timeoutInMinutes"],
            "queuedTimeoutInMinutes": project["queuedTimeoutInMinutes"],
            "buildComplete": False,
            "initiator": initiator,
            "vpcConfig": project.get("vpcConfig"),
            "encryptionKey": project["encryptionKey"],
            "exportedEnvironmentVariables": [],
            "reportArns": [],
        }
        record = BuildRecord(description)
        record.begin_phase("SUBMITTED")
        record.end_phase("SUCCEEDED")
        record.begin_phase("QUEUED")
        return record

    def _run(self, project: dict, record: BuildRecord) -> None:
        name = project["name"]
        if not self._leave_queue(project, record):
            return
        directory = self.cloud.directory("codebuild") / name / record.id.split(":")[1]
        directory.mkdir(parents=True)
        try:
            BuildRun(self.cloud, self._build_settings(project, record), record, directory).run()
        finally:
            with self._lock:
                self._running[name] -= 1
                self._queue.notify_all()
            self._tidy(directory, record.snapshot()["buildStatus"])

    def _leave_queue(self, project: dict, record: BuildRecord) -> bool:
        """Waits for the project's turn; False when the build was stopped or timed out in the queue."""
        name = project["name"]
        limit = project.get("concurrentBuildLimit")
        deadline = time.monotonic() + 60 * project["queuedTimeoutInMinutes"]
        with self._lock:
            while limit and self._running.get(name, 0) >= limit and not record.stop_requested.is_set():
                if not self._queue.wait(timeout=deadline - time.monotonic()):
                    record.end_phase("TIMED_OUT", "QUEUED_TIMED_OUT", "The build was queued for too long.")
                    record.complete("TIMED_OUT")
                    return False
            if record.stop_requested.is_set():
                record.end_phase("STOPPED")
                record.complete("STOPPED")
                return False
            self._running[name] = self._running.get(name, 0) + 1
            record.end_phase("SUCCEEDED")
            return True

    def _tidy(self, directory, status: str) -> None:
        others = [path for path in directory.parent.iterdir() if path != directory]
        finished = {record.id.split(":")[1] for record in self._builds.values() if record.finished.is_set()}
        failed = [path for path in others if path.name in finished]
        if status == "SUCCEEDED":
            remove_all_but([directory], keep=0)
        else:
            remove_all_but([*failed, directory], keep=FAILED_BUILDS_KEPT)

    def _build_settings(self, project: dict, record: BuildRecord) -> BuildSettings:
        build = record.snapshot()
        source_version = build["sourceVersion"] or ""
        secondary_versions = {
            entry["sourceIdentifier"]: entry["sourceVersion"] for entry in project.get("secondarySourceVersions", [])
        }
        sources = [_source(project["source"], None, source_version)]
        sources += [
            _source(source, source["sourceIdentifier"], secondary_versions.get(source["sourceIdentifier"], ""))
            for source in project.get("secondarySources", [])
        ]
        targets = [
            target
            for artifacts, identifier in [
                (project["artifacts"], None),
                *((entry, entry.get("artifactIdentifier")) for entry in project.get("secondaryArtifacts", [])),
            ]
            if (target := _target(artifacts, identifier, build, project)) is not None
        ]
        return BuildSettings(
            build_id=build["id"],
            build_arn=build["arn"],
            build_number=build["buildNumber"],
            project_name=project["name"],
            project_arn=project["arn"],
            role_arn=project["serviceRole"],
            sources=tuple(sources),
            source_version=source_version,
            buildspec=project["source"].get("buildspec", ""),
            variables=tuple(
                (variable["name"], variable["value"], variable["type"])
                for variable in project["environment"]["environmentVariables"]
            ),
            targets=tuple(targets),
            cache=_cache_location(project),
            log_group=build["logs"].get("groupName"),
            log_stream=build["logs"].get("streamName", ""),
            timeout_seconds=60 * project["timeoutInMinutes"],
            image=project["environment"]["image"],
            initiator=build["initiator"],
            kms_key_arn=project["encryptionKey"],
            on_report=lambda group, cases: self._add_report(record, group, cases),
        )

    # reports

    def create_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arn = self._report_group_arn(request["name"])
            if arn in self._report_groups:
                raise AwsError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")
            if request["type"] != "TEST":
                raise AwsError("InvalidInputException", f"report groups of type {request['type']} are not emulated")
            return {"reportGroup": self._new_report_group(request)}

    def update_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            group = self._report_group(request["arn"])
            for member in ("exportConfig", "tags"):
                if member in request:
                    group[member] = request[member]
            group["lastModified"] = self.cloud.now()
            return {"reportGroup": group}

    def delete_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            reports = [arn for arn, report in self._reports.items() if report["reportGroupArn"] == request["arn"]]
            if reports and not request.get("deleteReports"):
                raise AwsError("InvalidInputException", "Cannot delete report group with reports: set deleteReports")
            for arn in reports:
                del self._reports[arn], self._test_cases[arn]
            self._report_groups.pop(request["arn"], None)
        return {}

    def batch_get_report_groups(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = request["reportGroupArns"]
            found = [self._report_groups[arn] for arn in arns if arn in self._report_groups]
            absent = [arn for arn in arns if arn not in self._report_groups]
        return {"reportGroups": found, "reportGroupsNotFound": absent}

    def list_report_groups(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = sorted(self._report_groups)
        if request.get("sortOrder") == "DESCENDING":
            arns.reverse()
        return page("reportGroups", arns, request)

    def list_reports_for_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._report_group(request["reportGroupArn"])
            arns = [
                arn for arn, report in self._reports.items() if report["reportGroupArn"] == request["reportGroupArn"]
            ]
        return self._report_page(arns, request)

    def list_reports(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = list(self._reports)
        return self._report_page(arns, request)

    def batch_get_reports(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = request["reportArns"]
            found = [self._reports[arn] for arn in arns if arn in self._reports]
            absent = [arn for arn in arns if arn not in self._reports]
        return {"reports": found, "reportsNotFound": absent}

    def delete_report(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._reports.pop(request["arn"], None)
            self._test_cases.pop(request["arn"], None)
        return {}

    def describe_test_cases(self, request: dict, caller: Caller) -> dict:
        wanted = request.get("filter", {})
        with self._lock:
            if request["reportArn"] not in self._test_cases:
                raise AwsError("ResourceNotFoundException", f"Report cannot be found: {request['reportArn']}")
            cases = [
                case
                for case in self._test_cases[request["reportArn"]]
                if wanted.get("status", case["status"]) == case["status"] and wanted.get("keyword", "") in case["name"]
            ]
        return page("testCases", cases, request)

    def _report_page(self, arns: list[str], request: dict) -> dict:
        status = request.get("filter", {}).get("status")
        found = [arn for arn in arns if status in (None, self._reports[arn]["status"])]
        return page("reports", _sorted(found, request), request)

    def _report_group_arn(self, name: str) -> str:
        return self.cloud.arn("codebuild", f"report-group/{name}")

    def _report_group(self, arn: str) -> dict:
        if arn not in self._report_groups:
            raise AwsError("ResourceNotFoundException", f"Report group cannot be found: {arn}")
        return self._report_groups[arn]

    def _new_report_group(self, request: dict) -> dict:
        now = self.cloud.now()
        arn = self._report_group_arn(request["name"])
        self._report_groups[arn] = {
            "arn": arn,
            "name": request["name"],
            "type": request["type"],
            "exportConfig": request["exportConfig"],
            "created": now,
            "lastModified": now,
            "tags": request.get("tags", []),
            "status": "ACTIVE",
        }
        return self._report_groups[arn]

    def _add_report(self, record: BuildRecord, group: str, cases: list[TestCase]) -> None:
        """Raises AwsError where the build's role may not publish it."""
        build = record.snapshot()
        # A name in the buildspec means <project>-<name>, and the group is made when it is not there.
        arn = group if group.startswith("arn:") else self._report_group_arn(f"{build['projectName']}-{group}")
        for operation in (*(() if arn in self._report_groups else ("CreateReportGroup",)), *REPORT_CALLS):
            call_under_role(
                self.cloud, build["serviceRole"], session_of(build["id"]), "codebuild", operation, {"resourceArn": arn}
            )
        with self._lock:
            build = record.snapshot()
            if arn not in self._report_groups:
                name = arn.rsplit("/", 1)[1]
                self._new_report_group(
                    {"name": name, "type": "TEST", "exportConfig": {"exportConfigType": "NO_EXPORT"}}
                )
            report_arn = arn.replace(":report-group/", ":report/") + f":{uuid.uuid4()}"
            now = self.cloud.now()
            expires = now + timedelta(days=REPORT_LIFETIME_DAYS)
            failed = any(case.status in ("FAILED", "ERROR") for case in cases)
            self._reports[report_arn] = {
                "arn": report_arn,
                "type": "TEST",
                "name": report_arn.rsplit(":", 1)[1],
                "reportGroupArn": arn,
                "executionId": build["arn"],
                "status": "FAILED" if failed else "SUCCEEDED",
                "created": now,
                "expired": expires,
                "exportConfig": self._report_groups[arn]["exportConfig"],
                "truncated": False,
                "testSummary": summary(cases),
            }
            self._test_cases[report_arn] = [
                {
                    "reportArn": report_arn,
                    "testRawDataPath": case.file,
                    "prefix": case.prefix,
                    "name": case.name,
                    "status": case.status,
                    "durationInNanoSeconds": case.nanoseconds,
                    "message": case.message,
                    "expired": expires,
                    "testSuiteName": case.suite,
                }
                for case in cases
            ]
            record.update(reportArns=[*build["reportArns"], report_arn])


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


def overridden(project: dict, request: dict) -> dict:
    """The project as one build sees it: with StartBuild's overrides."""
    source = dict(project["source"])
    for parameter, member in (
        ("sourceTypeOverride", "type"),
        ("sourceLocationOverride", "location"),
        ("buildspecOverride", "buildspec"),
    ):
        if parameter in request:
            source[member] = request[parameter]
    environment = dict(project["environment"])
    for parameter, member in (
        ("environmentTypeOverride", "type"),
        ("imageOverride", "image"),
        ("computeTypeOverride", "computeType"),
    ):
        if parameter in request:
            environment[member] = request[parameter]
    variables = {variable["name"]: variable for variable in environment["environmentVariables"]}
    for variable in request.get("environmentVariablesOverride", []):
        variables[variable["name"]] = {"type": "PLAINTEXT", **variable}
    environment["environmentVariables"] = list(variables.values())
    result = {**project, "source": source, "environment": environment}
    for parameter, member in (
        ("artifactsOverride", "artifacts"),
        ("secondaryArtifactsOverride", "secondaryArtifacts"),
        ("secondarySourcesOverride", "secondarySources"),
        ("secondarySourcesVersionOverride", "secondarySourceVersions"),
        ("cacheOverride", "cache"),
        ("serviceRoleOverride", "serviceRole"),
        ("timeoutInMinutesOverride", "timeoutInMinutes"),
        ("queuedTimeoutInMinutesOverride", "queuedTimeoutInMinutes"),
        ("encryptionKeyOverride", "encryptionKey"),
        ("logsConfigOverride", "logsConfig"),
    ):
        if parameter in request:
            result[member] = request[parameter]
    return result


def _sorted(newest_last: list[str], request: dict) -> list[str]:
    return newest_last if request.get("sortOrder") == "ASCENDING" else newest_last[::-1]


def _build_id(identifier: str) -> str:
    return identifier.split(":build/", 1)[-1]


def _initiator(caller: Caller) -> str:
    """As AWS writes it: the user's name, or role and session."""
    return caller.arn.rsplit(":", 1)[1].removeprefix("assumed-role/").removeprefix("user/")


def _source(source: dict, identifier: str | None, version: str) -> Source:
    if source["type"] == "NO_SOURCE":
        return Source(identifier, None)
    bucket, _, key = source["location"].removeprefix("arn:aws:s3:::").partition("/")
    # CodePipeline passes its artifact's ARN as the version; for S3 a version is an object version.
    return Source(identifier, bucket, key, version if version and not version.startswith("arn:") else None)


def _target(artifacts: dict, identifier: str | None, build: dict, project: dict) -> Target | None:
    if artifacts["type"] != "S3":
        return None
    path = artifacts.get("path", "")
    if artifacts.get("namespaceType") == "BUILD_ID":
        path = f"{path.strip('/')}/{build['id'].split(':')[1]}"
    key = None if artifacts.get("encryptionDisabled") else project["encryptionKey"]
    # The key of the account that S3 itself manages needs no name.
    if key and key.endswith("alias/aws/s3"):
        key = None
    return Target(
        identifier=identifier,
        bucket=artifacts["location"].removeprefix("arn:aws:s3:::"),
        path=path,
        name=artifacts.get("name") or project["name"],
        packaging=artifacts.get("packaging", "NONE"),
        name_from_buildspec=artifacts.get("overrideArtifactName", False),
        kms_key_id=key,
    )


def _artifact_location(artifacts: dict) -> str:
    if artifacts["type"] != "S3":
        return ""
    parts = [artifacts["location"], artifacts.get("path", "").strip("/"), artifacts.get("name", "")]
    return "arn:aws:s3:::" + "/".join(filter(None, parts))


def _cache_location(project: dict) -> tuple[str, str] | None:
    cache = project["cache"]
    if cache["type"] != "S3":
        return None  # a local cache may be lost at any time, on AWS too
    bucket, _, prefix = cache["location"].partition("/")
    name = hashlib.sha256(cache.get("cacheNamespace", project["name"]).encode()).hexdigest()[:32]
    return bucket, "/".join(filter(None, [prefix.strip("/"), f"{name}.tar.gz"]))
