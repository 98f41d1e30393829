"""Builds of CodeBuild: the operations, the queue of a project, and the directories of builds."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

from emulator.codebuild.projects import Projects, check_project
from emulator.codebuild.record import BuildRecord
from emulator.codebuild.reports import Reports
from emulator.codebuild.runner import BuildRun, remove_all_but
from emulator.codebuild.settings import artifact_location, overridden, settings_of
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import page, sorted_by_age

FAILED_BUILDS_KEPT = 3  # directories of failed builds that stay for a look
PIPELINE_INITIATOR = "codepipeline/"

# Parameters of StartBuild that would change what an emulated build does, and can't.
UNSUPPORTED_OVERRIDES = ("privilegedModeOverride", "debugSessionEnabled", "fleetOverride", "autoRetryLimitOverride")


class Builds:
    """StartBuild, StopBuild, RetryBuild, BatchGetBuilds, BatchDeleteBuilds and the lists."""

    def __init__(self, cloud: Cloud, projects: Projects, reports: Reports):
        self._cloud = cloud
        self._projects = projects
        self._reports = reports
        self._lock = threading.RLock()
        self._builds: dict[str, BuildRecord] = {}  # in the order of their start
        self._build_requests: dict[str, dict] = {}  # what StartBuild got, for a retry
        self._by_token: dict[str, str] = {}  # idempotency token -> build id
        self._numbers: dict[str, int] = {}  # last build number of a project
        self._running: dict[str, int] = {}  # builds of a project that are past their queue
        self._queue = threading.Condition(self._lock)

    def stop_all(self) -> None:
        """Stops every build and waits for its end."""
        with self._lock:
            records = list(self._builds.values())
            for record in records:
                record.stop_requested.set()
            self._queue.notify_all()
        for record in records:
            record.finished.wait(8)

    def start_build(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            token = request.get("idempotencyToken")
            if token in self._by_token:
                return {"build": self._builds[self._by_token[token]].snapshot()}
            project = self._projects.find(request["projectName"])
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
        self._cloud.background(self._run, project, record)
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
            name = self._projects.find(request["projectName"])["name"]
            ids = [one for one in self._builds if one.startswith(f"{name}:")]
        return page("ids", sorted_by_age(ids, request), request)

    def list_builds(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            ids = list(self._builds)
        return page("ids", sorted_by_age(ids, request), request)

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
        description = {
            "id": f"{name}:{identifier}",
            "arn": self._cloud.arn("codebuild", f"build/{name}:{identifier}"),
            "buildNumber": number,
            "startTime": self._cloud.now(),
            "currentPhase": "SUBMITTED",
            "buildStatus": "IN_PROGRESS",
            "sourceVersion": request.get("sourceVersion") or project.get("sourceVersion"),
            "projectName": name,
            "phases": [],
            "source": project["source"],
            "secondarySources": project.get("secondarySources", []),
            "artifacts": {"location": artifact_location(project["artifacts"])},
            "cache": project["cache"],
            "environment": project["environment"],
            "serviceRole": project["serviceRole"],
            "logs": self._logs_of(project, identifier),
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

    def _logs_of(self, project: dict, identifier: str) -> dict:
        """Where the lines of a build go."""
        config = project.get("logsConfig", {})
        cloudwatch = config.get("cloudWatchLogs", {"status": "ENABLED"})
        logs: dict = {"cloudWatchLogs": cloudwatch, "s3Logs": config.get("s3Logs", {"status": "DISABLED"})}
        if cloudwatch["status"] == "ENABLED":
            group = cloudwatch.get("groupName") or f"/aws/codebuild/{project['name']}"
            stream = "/".join(filter(None, [cloudwatch.get("streamName"), identifier]))
            logs |= {
                "groupName": group,
                "streamName": stream,
                "cloudWatchLogsArn": self._cloud.arn("logs", f"log-group:{group}:log-stream:{stream}"),
            }
        return logs

    def _run(self, project: dict, record: BuildRecord) -> None:
        name = project["name"]
        if not self._leave_queue(project, record):
            return
        directory = self._cloud.directory("codebuild") / name / record.id.split(":")[1]
        directory.mkdir(parents=True)
        try:
            settings = settings_of(
                project, record.snapshot(), lambda group, cases: self._reports.add(record, group, cases)
            )
            BuildRun(self._cloud, settings, record, directory).run()
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

    def _tidy(self, directory: Path, status: str) -> None:
        others = [path for path in directory.parent.iterdir() if path != directory]
        finished = {record.id.split(":")[1] for record in self._builds.values() if record.finished.is_set()}
        failed = [path for path in others if path.name in finished]
        if status == "SUCCEEDED":
            remove_all_but([directory], keep=0)
        else:
            remove_all_but([*failed, directory], keep=FAILED_BUILDS_KEPT)


def _build_id(identifier: str) -> str:
    return identifier.split(":build/", 1)[-1]


def _initiator(caller: Caller) -> str:
    """As AWS writes it: the user's name, or role and session."""
    return caller.arn.rsplit(":", 1)[1].removeprefix("assumed-role/").removeprefix("user/")
