"""Runs one build: the phases of its buildspec as child processes, from the downloaded source to the artifacts.

Each command runs in a shell of its own that takes over the variables and the directory in which the one before it
ended, as CodeBuild's own agent does; so `export NAME=value`, `cd` and `. ./file` last through all phases.
"""

import json
import logging
import os
import shlex
import shutil
import signal
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from emulator.codebuild import archives, buildspec
from emulator.codebuild.reports import TestCase, read_junit
from emulator.core import processes
from emulator.core.errors import AwsError
from emulator.core.logs import LogStream

log = logging.getLogger(__name__)

SUCCEEDED, FAILED, STOPPED, TIMED_OUT, IN_PROGRESS = "SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT", "IN_PROGRESS"

# `set -a`: what a command assigns is there for the next one, exported or not.
COMMAND_WRAPPER = """\
codebuild_save() {{
  CODEBUILD_LAST_EXIT=$?
  /usr/bin/env -0 > {variables}
  pwd > {directory}
  exit $CODEBUILD_LAST_EXIT
}}
trap codebuild_save EXIT
set -a
. {command}
"""


@dataclass(frozen=True)
class Source:
    """One input of a build."""

    identifier: str | None  # None: the primary source
    bucket: str | None  # None: there is no source (NO_SOURCE)
    key: str = ""  # a zip, or a prefix that ends with a slash
    version_id: str | None = None


@dataclass(frozen=True)
class Target:
    """Where one output of a build goes in S3."""

    identifier: str | None  # None: the primary artifact
    bucket: str
    path: str
    name: str
    packaging: str  # ZIP or NONE
    name_from_buildspec: bool = False  # `overrideArtifactName`
    kms_key_id: str | None = None


@dataclass(frozen=True)
class BuildSettings:
    """All that is fixed when a build starts."""

    build_id: str  # <project>:<uuid>
    build_arn: str
    build_number: int
    project_name: str
    project_arn: str
    role_arn: str  # the service role: the build's own calls and those of its commands
    sources: tuple[Source, ...]  # the primary one first
    source_version: str
    buildspec: str  # a path in the source, s3 ARN, inline YAML, or empty for buildspec.yml
    variables: tuple[tuple[str, str, str], ...]  # (name, value, PLAINTEXT | PARAMETER_STORE | SECRETS_MANAGER)
    targets: tuple[Target, ...]
    cache: tuple[str, str] | None  # (bucket, key) of the S3 cache
    log_group: str | None  # None: CloudWatch Logs are off
    log_stream: str
    timeout_seconds: float
    image: str
    initiator: str
    kms_key_arn: str
    on_report: Callable[[str, list[TestCase]], None]  # gets each report group's name or ARN and its test cases


class BuildRecord:
    """What the outside sees of a build: BatchGetBuilds' structure, kept by the runner, read by others."""

    def __init__(self, description: dict):
        self._lock = threading.Lock()
        self._description = description
        self.stop_requested = threading.Event()
        self.finished = threading.Event()

    @property
    def id(self) -> str:
        return self._description["id"]

    def snapshot(self) -> dict:
        with self._lock:
            phases = [dict(phase) for phase in self._description["phases"]]
            return {**self._description, "phases": phases}

    def update(self, **members) -> None:
        with self._lock:
            self._description.update(members)

    def begin_phase(self, phase: str) -> None:
        with self._lock:
            self._description["currentPhase"] = phase
            self._description["phases"].append({"phaseType": phase, "startTime": _now()})

    def end_phase(self, status: str, code: str = "", message: str = "") -> None:
        with self._lock:
            phase = self._description["phases"][-1]
            phase["endTime"] = _now()
            phase["phaseStatus"] = status
            phase["durationInSeconds"] = round((phase["endTime"] - phase["startTime"]).total_seconds())
            phase["contexts"] = [{"statusCode": code, "message": message}]

    def complete(self, status: str, **members) -> None:
        with self._lock:
            now = _now()
            self._description["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self._description.update(
                members, buildStatus=status, currentPhase="COMPLETED", buildComplete=True, endTime=now
            )
        self.finished.set()


class PhaseEnd(Exception):
    """A phase did not succeed."""

    def __init__(self, status: str, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class BuildRun:
    """One build on its way; `run` does it all and never raises for what is the build's own fault."""

    def __init__(self, cloud, settings: BuildSettings, record: BuildRecord, directory: Path):
        self._cloud = cloud
        self._settings = settings
        self._record = record
        self._directory = directory
        self._deadline = time.monotonic() + settings.timeout_seconds
        self._log_stream: LogStream | None = None
        self._secrets: list[str] = []
        self._environment: dict[str, str] = {}
        self._working_directory = directory / "src"
        self._source_directories: dict[str | None, Path] = {}
        self._spec: buildspec.Buildspec | None = None
        self._restored_cache: dict[str, tuple[int, int]] = {}
        self._succeeding = True
        self._commands_run = 0
        self._temporary = ""

    def run(self) -> None:
        """Runs the build to its end and completes the record."""
        # The commands' TMPDIR is short: a Unix socket's path holds 107 bytes, and Terraform's providers make one there
        with tempfile.TemporaryDirectory(prefix="build-", ignore_cleanup_errors=True) as self._temporary:
            self._run()

    def _run(self) -> None:
        status = SUCCEEDED
        exported: list[dict] = []
        try:
            status = self._phases()
            exported = self._exported()
        except Exception as error:  # an error of the emulator itself must end the build, not hang it
            log.exception("build %s broke", self._settings.build_id)
            status = "FAULT"
            self._record.end_phase(status, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")
        finally:
            if self._log_stream is not None:
                self._log_stream.close()
            self._record.complete(status, exportedEnvironmentVariables=exported)

    def _phases(self) -> str:
        status = self._phase("PROVISIONING", self._provision)
        if status == SUCCEEDED:
            status = self._phase("DOWNLOAD_SOURCE", self._download_source)
        if status == SUCCEEDED:
            status = self._command_phases()
        if status == SUCCEEDED:
            status = self._phase("FINALIZING", self._save_cache)
        else:
            self._phase("FINALIZING", lambda: None)
        return status

    def _command_phases(self) -> str:
        build_status = SUCCEEDED
        for name in buildspec.PHASES:
            phase = self._spec.phases.get(name, buildspec.Phase())
            status = self._phase(name.upper(), lambda phase=phase: self._run_commands(phase))
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
            status = self._phase("UPLOAD_ARTIFACTS", lambda: self._upload_artifacts(build_status))
            build_status = build_status if build_status != SUCCEEDED else status
        return build_status

    def _phase(self, name: str, work: Callable[[], None]) -> str:
        self._record.begin_phase(name)
        self._say(f"Entering phase {name}")
        status, code, message = SUCCEEDED, "", ""
        try:
            work()
        except PhaseEnd as end:
            status, code, message = end.status, end.code, end.message
        except (AwsError, ClientError, BotoCoreError, OSError, ValueError, tarfile.TarError) as error:
            status, code, message = FAILED, "CLIENT_ERROR", self._masked(str(error))
        self._record.end_phase(status, code, message)
        self._say(f"Phase complete: {name} State: {status}")
        self._say(f"Phase context status code: {code} Message: {message}")
        return status

    def _provision(self) -> None:
        settings = self._settings
        if settings.log_group is not None:
            self._log_stream = LogStream(self._cloud, settings.log_group, settings.log_stream, settings.role_arn)
        (self._directory / "tmp").mkdir(parents=True)
        self._working_directory.mkdir(parents=True)
        credentials = self._cloud.credentials(settings.role_arn, session_of(settings.build_id))
        self._environment = (
            processes.base_environment(self._cloud)
            | {"TMPDIR": self._temporary, "CI": "true"}
            | codebuild_variables(settings)
            | credentials
        )

    def _download_source(self) -> None:
        for source in self._settings.sources:
            name = "src" if source.identifier is None else f"src-{source.identifier}"
            target = self._directory / name
            target.mkdir(exist_ok=True)
            self._source_directories[source.identifier] = target
            suffix = "" if source.identifier is None else f"_{source.identifier}"
            self._environment[f"CODEBUILD_SRC_DIR{suffix}"] = str(target)
            if source.bucket is not None:
                revision = self._fetch(source, target)
                if revision and source.identifier is None:
                    self._environment["CODEBUILD_RESOLVED_SOURCE_VERSION"] = revision
                    self._record.update(resolvedSourceVersion=revision)
        try:
            self._spec = buildspec.parse(self._buildspec_text())
        except ValueError as error:
            raise PhaseEnd(FAILED, "YAML_FILE_ERROR", f"YAML location: {self._spec_location()}: {error}") from error
        # What the project and the caller of StartBuild say wins over the buildspec, and both over the image; what
        # the service itself says, wins over all.
        reserved = {name: value for name, value in self._environment.items() if name.startswith(("AWS_", "CODEBUILD_"))}
        self._environment |= self._spec_variables() | self._project_variables() | reserved
        self._restore_cache()

    def _fetch(self, source: Source, target: Path) -> str | None:
        s3 = self._client("s3")
        if source.key.endswith("/"):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        path = target / PurePosixPath(entry["Key"]).relative_to(PurePosixPath(source.key))
                        path.parent.mkdir(parents=True, exist_ok=True)
                        s3.download_file(source.bucket, entry["Key"], str(path))
            return None
        version = {"VersionId": source.version_id} if source.version_id else {}
        answer = s3.get_object(Bucket=source.bucket, Key=source.key, **version)
        archive = self._directory / "tmp" / "source.zip"
        with archive.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file)
        archives.unpack(archive, target)
        archive.unlink()
        # CodePipeline notes the commit at the archive that it stores.
        return answer["Metadata"].get("codepipeline-artifact-revision-id") or answer.get("VersionId")

    def _spec_location(self) -> str:
        return self._settings.buildspec.splitlines()[0] if self._settings.buildspec else "buildspec.yml"

    def _buildspec_text(self) -> str:
        given = self._settings.buildspec
        if given.startswith("arn:"):
            bucket, _, key = given.split(":::", 1)[1].partition("/")
            return self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        if _is_inline(given):
            return given
        path = self._directory / "src" / (given or "buildspec.yml")
        if not path.is_file():
            raise ValueError(f"the source has no file {given or 'buildspec.yml'}; expected the buildspec there")
        return path.read_text(encoding="utf-8")

    def _spec_variables(self) -> dict[str, str]:
        spec = self._spec
        return (
            spec.variables
            | {name: self._parameter(parameter) for name, parameter in spec.parameter_store.items()}
            | {name: self._secret(reference) for name, reference in spec.secrets_manager.items()}
        )

    def _project_variables(self) -> dict[str, str]:
        readers = {"PLAINTEXT": str, "PARAMETER_STORE": self._parameter, "SECRETS_MANAGER": self._secret}
        return {name: readers[kind](value) for name, value, kind in self._settings.variables}

    def _parameter(self, name: str) -> str:
        answer = self._client("ssm").get_parameters(Names=[name], WithDecryption=True)
        if not answer["Parameters"]:
            raise PhaseEnd(FAILED, "CLIENT_ERROR", f"Parameter does not exist: {name}")
        parameter = answer["Parameters"][0]
        if parameter["Type"] == "SecureString":
            self._secrets.append(parameter["Value"])
        return parameter["Value"]

    def _secret(self, reference: str) -> str:
        request, json_key = secret_request(reference)
        value = self._client("secretsmanager").get_secret_value(**request)["SecretString"]
        if json_key:
            members = json.loads(value)
            if json_key not in members:
                raise PhaseEnd(FAILED, "CLIENT_ERROR", f"secret {request['SecretId']} has no key {json_key!r}")
            value = str(members[json_key])
        self._secrets.append(value)
        return value

    def _run_commands(self, phase: buildspec.Phase) -> None:
        self._environment["CODEBUILD_BUILD_SUCCEEDING"] = "1" if self._succeeding else "0"
        try:
            for command in phase.commands:
                self._run_command(command)
        except PhaseEnd as end:
            if end.status == FAILED:  # a stopped or timed-out build runs nothing any more
                for command in phase.last_commands:
                    self._run_command(command)
            raise
        for command in phase.last_commands:
            self._run_command(command)

    def _run_command(self, command: str) -> None:
        self._check_end()
        self._say(f"Running command {command}")
        self._commands_run += 1
        script = self._directory / "tmp" / f"command-{self._commands_run}.sh"
        variables = self._directory / "tmp" / "variables"
        directory = self._directory / "tmp" / "directory"
        script.write_text(command + "\n", encoding="utf-8")
        wrapper = COMMAND_WRAPPER.format(
            command=shlex.quote(str(script)),
            variables=shlex.quote(str(variables)),
            directory=shlex.quote(str(directory)),
        )

        def on_line(line: str) -> None:
            if self._log_stream is not None:
                self._log_stream.write(self._masked(line))

        child = processes.start(
            [self._spec.shell, "-c", wrapper],
            cwd=self._working_directory,
            environment=self._environment,
            on_line=on_line,
        )
        status = self._await(child)
        script.unlink(missing_ok=True)
        if variables.exists() and directory.exists():
            self._environment = _read_variables(variables.read_bytes())
            self._working_directory = Path(directory.read_text(encoding="utf-8").rstrip("\n"))
            variables.unlink()
            directory.unlink()
        if status != 0:
            raise PhaseEnd(FAILED, "COMMAND_EXECUTION_ERROR", command_failure(self._masked(command), status))

    def _await(self, child: processes.Child) -> int:
        while (status := child.wait(0.1)) is None:
            try:
                self._check_end()
            except PhaseEnd:
                child.terminate()
                raise
        return status

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
        names = self._spec.exported_variables if self._spec else ()
        return [{"name": name, "value": self._environment.get(name, "")} for name in names]

    def _publish_reports(self) -> None:
        for group, report in self._spec.reports.items():
            base = self._directory / "src" / report.base_directory
            try:
                files = sorted({path for pattern in report.files for path in base.glob(pattern) if path.is_file()})
                if not files:
                    self._say(f"No test report files found for {group} in {report.base_directory}")
                    continue
                cases = [
                    case
                    for path in files
                    for case in read_junit(path.read_text(encoding="utf-8"), path.relative_to(base).as_posix())
                ]
            except (ValueError, OSError) as error:
                self._say(f"Report {group} can't be read: {error}")
                continue
            try:
                self._settings.on_report(group, cases)
            except AwsError as error:
                self._say(f"Report {group} can't be published: {error.message}")
                continue
            self._say(f"Report {group}: {len(cases)} test cases")

    def _upload_artifacts(self, build_status: str) -> None:
        for target in self._settings.targets:
            artifact = (
                self._spec.artifacts
                if target.identifier is None
                else self._spec.secondary_artifacts.get(target.identifier)
            )
            what = "artifacts" if target.identifier is None else f"secondary artifacts {target.identifier}"
            if artifact is None:
                if build_status != SUCCEEDED:
                    continue
                raise PhaseEnd(FAILED, "CLIENT_ERROR", f"the buildspec has no definition of the {what} to upload")
            files = matching_files(artifact, self._directory / "src")
            if not files:
                if build_status != SUCCEEDED:
                    continue
                raise PhaseEnd(
                    FAILED,
                    "CLIENT_ERROR",
                    f"no matching artifact paths found for the {what}: {', '.join(artifact.files)} "
                    f"in {artifact.base_directory}",
                )
            self._say(f"Found {len(files)} files for the {what}")
            self._upload(target, artifact, files)

    def _upload(self, target: Target, artifact: buildspec.Artifact, files: dict[str, Path]) -> None:
        name = artifact.name if target.name_from_buildspec and artifact.name else target.name
        key = "/".join(filter(None, [target.path.strip("/"), name.strip("/")]))
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key_id} if target.kms_key_id else {}
        s3 = self._client("s3")
        if target.packaging == "ZIP":
            archive = self._directory / "tmp" / "artifact.zip"
            archives.pack(files, archive)
            s3.upload_file(str(archive), target.bucket, key, ExtraArgs=encryption)
            archive.unlink()
        else:
            for file_name, path in files.items():
                s3.upload_file(str(path), target.bucket, f"{key}/{file_name}", ExtraArgs=encryption)

    def _restore_cache(self) -> None:
        if self._settings.cache is None or not self._spec.cache_paths:
            return
        bucket, key = self._settings.cache
        archive = self._directory / "tmp" / "cache.tar.gz"
        try:
            self._client("s3").download_file(bucket, key, str(archive))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            self._say("There is no cache yet")
            return
        with tarfile.open(archive) as tar:
            tar.extractall(self._directory / "src", filter="data")
        archive.unlink()
        self._restored_cache = self._cached_files()

    def _save_cache(self) -> None:
        if self._settings.cache is None or not self._spec.cache_paths:
            return
        bucket, key = self._settings.cache
        for pattern in self._spec.cache_paths:
            if _outside(pattern):
                self._say(f"Cache path {pattern} lies outside of the source directory and is not kept")
        files = self._cached_files()
        if files == self._restored_cache:  # also: there is nothing to keep
            return
        archive = self._directory / "tmp" / "cache.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for name in sorted(files):
                tar.add(self._directory / "src" / name, arcname=name, recursive=False)
        self._client("s3").upload_file(str(archive), bucket, key)

    def _cached_files(self) -> dict[str, tuple[int, int]]:
        """Size and modification time (seconds, as an archive keeps it) of each file of the cache."""
        source = self._directory / "src"
        patterns = [pattern for pattern in self._spec.cache_paths if not _outside(pattern)]
        paths = {path for pattern in patterns for path in source.glob(pattern) if path.is_file()}
        return {path.relative_to(source).as_posix(): (path.stat().st_size, int(path.stat().st_mtime)) for path in paths}

    def _client(self, service_name: str):
        return self._cloud.client(service_name, role_arn=self._settings.role_arn)

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            if len(secret) >= 4:  # masking "a" would make the log unreadable and the secret no safer
                text = text.replace(secret, "***")
        return text

    def _say(self, message: str) -> None:
        if self._log_stream is not None:
            stamp = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
            for line in self._masked(message).splitlines():
                self._log_stream.write(f"[Container] {stamp} {line}")


def session_of(build_id: str) -> str:
    """The session of the service role in which a build acts, as CodeBuild names it."""
    return f"AWSCodeBuild-{build_id.split(':')[1]}"


def _outside(pattern: str) -> bool:
    # The machine's own file system is not a container's: only what lies in the source directory is kept.
    return pattern.startswith(("/", "~"))


def codebuild_variables(settings: BuildSettings) -> dict[str, str]:
    """The variables that CodeBuild itself gives each build."""
    return {
        "CODEBUILD_BUILD_ARN": settings.build_arn,
        "CODEBUILD_BUILD_ID": settings.build_id,
        "CODEBUILD_BUILD_IMAGE": settings.image,
        "CODEBUILD_BUILD_NUMBER": str(settings.build_number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": settings.initiator,
        "CODEBUILD_KMS_KEY_ID": settings.kms_key_arn,
        "CODEBUILD_LOG_PATH": settings.log_stream,
        "CODEBUILD_PROJECT_ARN": settings.project_arn,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "",
        "CODEBUILD_SOURCE_REPO_URL": next((f"{s.bucket}/{s.key}" for s in settings.sources if s.bucket), ""),
        "CODEBUILD_SOURCE_VERSION": settings.source_version,
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }


def secret_request(reference: str) -> tuple[dict[str, str], str]:
    """GetSecretValue's request and the JSON key of `secret-id[:json-key[:version-stage[:version-id]]]`.

    The secret may be an ARN, which has six colons of its own.
    """
    parts = reference.split(":")
    start = 7 if reference.startswith("arn:") else 1
    secret_id = ":".join(parts[:start])
    json_key, stage, version = [*parts[start:], "", "", ""][:3]
    request = {"SecretId": secret_id}
    if stage:
        request["VersionStage"] = stage
    if version:
        request["VersionId"] = version
    return request, json_key


def command_failure(command: str, status: int) -> str:
    """The reason of a failed phase: the command and how it ended. What it said is in the log."""
    reason = f"exit status {status}" if status > 0 else f"signal: {signal.Signals(-status).name}"
    return f"Error while executing command: {command.strip()}. Reason: {reason}"


def matching_files(artifact: buildspec.Artifact, source: Path) -> dict[str, Path]:
    """The files of an artifact by their names in it; directories count through the files in them."""
    base = source / artifact.base_directory
    excluded = {path for pattern in artifact.exclude_paths for path in base.glob(pattern)}
    found: dict[str, Path] = {}
    for pattern in artifact.files:
        if pattern.startswith("/"):
            raise ValueError(f"artifact path {pattern} is absolute; expected one below the source directory")
        for path in base.glob(pattern):
            if path in excluded or not (path.is_file() or path.is_symlink()):
                continue
            found[path.name if artifact.discard_paths else path.relative_to(base).as_posix()] = path
    return found


def _is_inline(text: str) -> bool:
    if "\n" not in text.strip() and not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return True  # broken, but no file name either: let the parser say what is wrong


def _read_variables(raw: bytes) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in raw.decode("utf-8", errors="surrogateescape").split("\0") if entry)
    own = {processes.MARK, "_", "SHLVL"}
    return {name: value for name, _, value in pairs if name not in own}


def _now() -> datetime:
    return datetime.now(UTC)


def remove_all_but(directories: list[Path], keep: int) -> None:
    """Removes all but the `keep` most recent of the given directories."""
    for directory in sorted(directories, key=os.path.getmtime)[: max(0, len(directories) - keep)]:
        shutil.rmtree(directory, ignore_errors=True)
