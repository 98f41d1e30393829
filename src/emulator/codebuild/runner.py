"""Runs one build: the phases of its buildspec as child processes, from the downloaded source to the artifacts."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from emulator.codebuild.artifacts import Artifacts
from emulator.codebuild.buildspec import PHASES, Buildspec, Phase, Report, parse
from emulator.codebuild.cache import Cache
from emulator.codebuild.junit import TestCase, read_junit
from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import FAILED, STOPPED, SUCCEEDED, TIMED_OUT, BuildRecord, PhaseEnd
from emulator.codebuild.settings import BuildSettings, session_of
from emulator.codebuild.shell import Shell
from emulator.codebuild.sources import buildspec_text, fetch
from emulator.codebuild.variables import Variables, codebuild_variables
from emulator.core import processes
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.logs import LogStream

log = logging.getLogger(__name__)


class BuildRun:
    """One build on its way; `run` does it all and never raises for what is the build's own fault."""

    def __init__(self, cloud: Cloud, settings: BuildSettings, record: BuildRecord, directory: Path):
        self._cloud = cloud
        self._settings = settings
        self._record = record
        self._source = directory / "src"
        self._scratch = directory / "tmp"
        self._deadline = time.monotonic() + settings.timeout_seconds
        self._spec = Buildspec()  # until the source is there
        self._succeeding = True

        client = functools.partial(cloud.client, role_arn=settings.role_arn)
        self._client = client
        self._log = BuildLog()
        self._shell = Shell(self._source, self._scratch, self._log, self._check_end)
        self._variables = Variables(client, self._log)
        self._artifacts = Artifacts(client, self._source, self._scratch, self._log)
        self._cache = Cache(client, settings.cache, self._source, self._scratch, self._log)

    def run(self) -> None:
        """Runs the build to its end and completes the record."""
        # The commands' TMPDIR is short: a Unix socket's path holds 107 bytes, and Terraform's providers make one there
        with tempfile.TemporaryDirectory(prefix="build-", ignore_cleanup_errors=True) as temporary:
            self._run(temporary)

    def _run(self, temporary: str) -> None:
        status = SUCCEEDED
        exported: list[dict] = []
        try:
            status = self._phases(temporary)
            exported = self._exported()
        except Exception as error:  # an error of the emulator itself must end the build, not hang it
            log.exception("build %s broke", self._settings.build_id)
            status = "FAULT"
            self._record.end_phase(status, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")
        finally:
            self._log.close()
            self._record.complete(status, exportedEnvironmentVariables=exported)

    def _phases(self, temporary: str) -> str:
        status = self._phase("PROVISIONING", lambda: self._provision(temporary))
        if status == SUCCEEDED:
            status = self._phase("DOWNLOAD_SOURCE", self._download_source)
        if status == SUCCEEDED:
            status = self._command_phases()
        if status == SUCCEEDED:
            status = self._phase("FINALIZING", lambda: self._cache.save(self._spec.cache_paths))
        else:
            self._phase("FINALIZING", lambda: None)
        return status

    def _command_phases(self) -> str:
        build_status = SUCCEEDED
        for name in PHASES:
            phase = self._spec.phases.get(name, Phase())
            status = self._phase(name.upper(), functools.partial(self._run_commands, phase))
            if status == SUCCEEDED:
                continue
            if status == FAILED and phase.continues_on_failure:
                continue
            build_status = build_status if build_status != SUCCEEDED else status
            self._succeeding = False
            # A failed build phase still gets its post_build; anything else ends the commands here.
            if status != FAILED or name != "build":
                break

        self._publish_reports()
        reached_artifacts = status == SUCCEEDED or name == "post_build"
        if build_status in (SUCCEEDED, FAILED) and reached_artifacts:
            status = self._phase(
                "UPLOAD_ARTIFACTS",
                lambda: self._artifacts.upload(self._settings.targets, self._spec, build_status),
            )
            build_status = build_status if build_status != SUCCEEDED else status
        return build_status

    def _phase(self, name: str, work: Callable[[], None]) -> str:
        self._record.begin_phase(name)
        self._log.say(f"Entering phase {name}")
        status, code, message = SUCCEEDED, "", ""
        try:
            work()
        except PhaseEnd as end:
            status, code, message = end.status, end.code, end.message
        except (AwsError, ClientError, BotoCoreError, OSError, ValueError, tarfile.TarError) as error:
            status, code, message = FAILED, "CLIENT_ERROR", self._log.masked(str(error))
        self._record.end_phase(status, code, message)
        self._log.say(f"Phase complete: {name} State: {status}")
        self._log.say(f"Phase context status code: {code} Message: {message}")
        return status

    def _provision(self, temporary: str) -> None:
        settings = self._settings
        if settings.log_group is not None:
            self._log.open(LogStream(self._cloud, settings.log_group, settings.log_stream, settings.role_arn))
        self._scratch.mkdir(parents=True)
        self._source.mkdir(parents=True)
        credentials = self._cloud.credentials(settings.role_arn, session_of(settings.build_id))
        self._shell.environment = (
            processes.base_environment(self._cloud)
            | {"TMPDIR": temporary, "CI": "true"}
            | codebuild_variables(settings)
            | credentials
        )

    def _download_source(self) -> None:
        environment = self._shell.environment
        for source in self._settings.sources:
            suffix = "" if source.identifier is None else f"-{source.identifier}"
            target = self._source.with_name(f"src{suffix}")
            target.mkdir(exist_ok=True)
            environment[f"CODEBUILD_SRC_DIR{suffix.replace('-', '_', 1)}"] = str(target)
            if source.bucket is not None:
                revision = fetch(self._client("s3"), source, target, self._scratch)
                if revision and source.identifier is None:
                    environment["CODEBUILD_RESOLVED_SOURCE_VERSION"] = revision
                    self._record.update(resolvedSourceVersion=revision)

        self._spec = self._read_buildspec()
        self._shell.name = self._spec.shell
        # What the project and the caller of StartBuild say wins over the buildspec, and both over the image; what
        # the service itself says, wins over all.
        reserved = {name: value for name, value in environment.items() if name.startswith(("AWS_", "CODEBUILD_"))}
        of_spec, of_project = self._variables.of_spec(self._spec), self._variables.of_project(self._settings)
        self._shell.environment = environment | of_spec | of_project | reserved
        self._cache.restore(self._spec.cache_paths)

    def _read_buildspec(self) -> Buildspec:
        given = self._settings.buildspec
        try:
            return parse(buildspec_text(self._client("s3"), given, self._source))
        except ValueError as error:
            location = given.splitlines()[0] if given else "buildspec.yml"
            raise PhaseEnd(FAILED, "YAML_FILE_ERROR", f"YAML location: {location}: {error}") from error

    def _run_commands(self, phase: Phase) -> None:
        self._shell.environment["CODEBUILD_BUILD_SUCCEEDING"] = "1" if self._succeeding else "0"
        try:
            for command in phase.commands:
                self._shell.run(command)
        except PhaseEnd as end:
            if end.status == FAILED:  # a stopped or timed-out build runs nothing any more
                for command in phase.last_commands:
                    self._shell.run(command)
            raise
        for command in phase.last_commands:
            self._shell.run(command)

    def _check_end(self) -> None:
        if self._record.stop_requested.is_set():
            raise PhaseEnd(STOPPED, "STOPPED", "The build was stopped.")
        if time.monotonic() > self._deadline:
            raise PhaseEnd(
                TIMED_OUT,
                "BUILD_TIMED_OUT",
                f"Build has timed out after {self._settings.timeout_seconds / 60:g} minutes. "
                "Raise the project's timeoutInMinutes if the work needs longer.",
            )

    def _exported(self) -> list[dict]:
        environment = self._shell.environment
        return [{"name": name, "value": environment.get(name, "")} for name in self._spec.exported_variables]

    def _publish_reports(self) -> None:
        for group, report in self._spec.reports.items():
            try:
                cases = self._cases_of(report)
            except (ValueError, OSError) as error:
                self._log.say(f"Report {group} can't be read: {error}")
                continue
            if cases is None:
                self._log.say(f"No test report files found for {group} in {report.base_directory}")
                continue
            try:
                self._settings.on_report(group, cases)
            except AwsError as error:
                self._log.say(f"Report {group} can't be published: {error.message}")
                continue
            self._log.say(f"Report {group}: {len(cases)} test cases")

    def _cases_of(self, report: Report) -> list[TestCase] | None:
        """The test cases of a report's files, None where there are no files."""
        base = self._source / report.base_directory
        files = sorted({path for pattern in report.files for path in base.glob(pattern) if path.is_file()})
        if not files:
            return None
        return [
            case
            for path in files
            for case in read_junit(path.read_text(encoding="utf-8"), path.relative_to(base).as_posix())
        ]


def remove_all_but(directories: list[Path], keep: int) -> None:
    """Removes all but the `keep` most recent of the given directories."""
    for directory in sorted(directories, key=os.path.getmtime)[: max(0, len(directories) - keep)]:
        shutil.rmtree(directory, ignore_errors=True)
