"""What the actions of a pipeline do: fetch a source, run a build, wait for a person."""

from __future__ import annotations

import json
import logging
import secrets
import string
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from emulator.codebuild.service import CodeBuild
from emulator.codepipeline.records import (
    ABANDONED,
    FAILED,
    SUCCEEDED,
    ActionRun,
    Execution,
    Location,
    Revision,
    new_id,
    now,
)
from emulator.core.errors import AwsError
from emulator.git.repositories import CODECOMMIT_OWNER, Repositories, git
from emulator.iam.authorisation import call_under_role

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
BUILD_HOURS = 8  # how long a CodeBuild action may take; the build's own timeout is the project's
APPROVAL_MINUTES = 7 * 24 * 60
LONGEST_SUMMARY = 2048
SESSION_NAME = "codepipeline"  # of the roles' sessions, in the record of calls


class ActionFailure(Exception):
    """An action did what it should and the answer is no. `code` as CodePipeline names it."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Abandoned(Exception):
    """The execution was stopped without waiting for the action."""


class Actions:
    """Carries out the actions of one pipeline, each under the action's role or else the pipeline's."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._git = Repositories(cloud)

    def perform(self, execution: Execution, run: ActionRun) -> None:
        """Performs the action and ends the run; never raises for what is the action's own fault."""
        provider = run.action["actionTypeId"]["provider"]
        perform = {
            "CodeStarSourceConnection": self._connection_source,
            "CodeCommit": self._codecommit_source,
            "S3": self._s3_source,
            "CodeBuild": self._build,
            "Manual": self._approval,
        }[provider]
        try:
            perform(execution, run)
        except Abandoned:
            run.end(ABANDONED)
        except ActionFailure as failure:
            run.end(FAILED, code=failure.code, message=str(failure))
        except ClientError as error:
            run.end(FAILED, code=_client_error_code(error), message=str(error))
        except (AwsError, BotoCoreError) as error:
            run.end(FAILED, code="ConfigurationError", message=str(error))
        except Exception as error:  # an error of the emulator itself must fail the action, not hang the pipeline
            log.exception("action %s of stage %s broke", run.name, run.stage)
            run.end(FAILED, code="InternalError", message=f"{type(error).__name__}: {error}")
        else:
            run.end(SUCCEEDED)

    def client(self, execution: Execution, run: ActionRun, service_name: str):
        """A client with the rights of the action."""
        role_arn = run.action.get("roleArn", execution.declaration["roleArn"])
        return self._cloud.client(service_name, role_arn=role_arn, session_name=SESSION_NAME)

    # sources

    def _connection_source(self, execution: Execution, run: ActionRun) -> None:
        configuration = run.resolved_configuration
        repository = configuration["FullRepositoryId"]
        connection = configuration["ConnectionArn"]
        self._use_connection(execution, run, connection)

        branch = execution.pushed_branch or configuration["BranchName"]
        commit = self._commit(execution, run, repository, branch)
        details = self._commit_details(repository, commit)
        run.variables = {
            "AuthorDate": details["author_date"],
            "AuthorDisplayName": details["author"],
            "AuthorEmail": details["email"],
            "AuthorId": details["email"],
            "BranchName": branch,
            "CommitId": commit,
            "CommitMessage": details["message"],
            "ConnectionArn": connection,
            "FullRepositoryName": repository,
        }
        self._store_commit(execution, run, repository, commit, details["message"])

    def _use_connection(self, execution: Execution, run: ActionRun, connection: str) -> None:
        """Fails without the connection, or without the permission to use it: one that no API call stands for."""
        service = "codeconnections" if ":codeconnections:" in connection else "codestar-connections"
        self._cloud.client(service).get_connection(ConnectionArn=connection)
        role_arn = run.action.get("roleArn", execution.declaration["roleArn"])
        try:
            call_under_role(self._cloud, role_arn, SESSION_NAME, service, "UseConnection", {"resourceArn": connection})
        except AwsError as error:
            raise ActionFailure("PermissionError", str(error)) from error

    def _codecommit_source(self, execution: Execution, run: ActionRun) -> None:
        configuration = run.resolved_configuration
        name, branch = configuration["RepositoryName"], configuration["BranchName"]
        codecommit = self.client(execution, run, "codecommit")
        commit = self._override(execution, run, "COMMIT_ID")
        if commit is None:
            commit = codecommit.get_branch(repositoryName=name, branchName=branch)["branch"]["commitId"]
        codecommit.get_commit(repositoryName=name, commitId=commit)
        details = self._commit_details(f"{CODECOMMIT_OWNER}/{name}", commit)
        run.variables = {
            "AuthorDate": details["author_date"],
            "BranchName": branch,
            "CommitId": commit,
            "CommitMessage": details["message"],
            "CommitterDate": details["committer_date"],
            "RepositoryName": name,
        }
        self._store_commit(execution, run, f"{CODECOMMIT_OWNER}/{name}", commit, details["message"])

    def _s3_source(self, execution: Execution, run: ActionRun) -> None:
        configuration = run.resolved_configuration
        bucket = configuration["S3Bucket"]
        key = self._override(execution, run, "S3_OBJECT_KEY") or configuration["S3ObjectKey"]
        if key != configuration["S3ObjectKey"] and configuration.get("AllowOverrideForS3ObjectKey") != "true":
            raise ActionFailure("ConfigurationError", "AllowOverrideForS3ObjectKey is not true for this action")
        version = self._override(execution, run, "S3_OBJECT_VERSION_ID")

        s3 = self.client(execution, run, "s3")
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ActionFailure("ConfigurationError", f"versioning is off for the source bucket {bucket}; enable it")
        answer = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        run.variables = {
            "BucketName": bucket,
            "ETag": answer["ETag"].strip('"'),
            "ObjectKey": key,
            "VersionId": answer["VersionId"],
        }

        summary = (
            answer["Metadata"].get("codepipeline-artifact-revision-summary")
            or f"Amazon S3 version id: {answer['VersionId']}"
        )
        self._store(execution, run, answer["Body"].read(), Revision(answer["VersionId"], summary))

    def _override(self, execution: Execution, run: ActionRun, kind: str) -> str | None:
        found = execution.overrides.get(run.name)
        return found[1] if found and found[0] == kind else None

    def _commit(self, execution: Execution, run: ActionRun, repository: str, branch: str) -> str:
        commit = self._override(execution, run, "COMMIT_ID")
        if commit is None:
            return self._git.head(repository, branch)
        try:
            return git(self._git.path(repository), "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
        except AwsError as error:
            raise ActionFailure("ConfigurationError", f"repository {repository} has no commit {commit}") from error

    def _commit_details(self, repository: str, commit: str) -> dict[str, str]:
        layout = "%an%n%ae%n%aI%n%cI%n%B"
        shown = git(self._git.path(repository), "show", "--no-patch", f"--format={layout}", commit)
        author, email, author_date, committer_date, message = shown.split("\n", 4)
        return {
            "author": author,
            "email": email,
            "author_date": author_date,
            "committer_date": committer_date,
            "message": message.strip(),
        }

    def _store_commit(self, execution: Execution, run: ActionRun, repository: str, commit: str, message: str) -> None:
        with tempfile.TemporaryDirectory() as directory:
            archive = Path(directory) / "source.zip"
            self._git.archive(repository, commit, archive)
            content = archive.read_bytes()
        self._store(execution, run, content, Revision(commit, message))

    def _store(self, execution: Execution, run: ActionRun, content: bytes, revision: Revision) -> None:
        artifact = run.action["outputArtifacts"][0]["name"]
        location = self._new_location(execution, artifact)
        self.client(execution, run, "s3").put_object(
            Bucket=location.bucket,
            Key=location.key,
            Body=content,
            ContentType="application/zip",
            Metadata={"codepipeline-artifact-revision-id": revision.revision_id},
            **self._encryption(execution),
        )
        run.external_id = revision.revision_id
        run.summary = revision.summary[:LONGEST_SUMMARY]
        run.revision = revision
        run.outputs = {artifact: location}

    def _store_of(self, execution: Execution) -> dict:
        declaration = execution.declaration
        return declaration.get("artifactStore") or declaration["artifactStores"][self._cloud.region]

    def _encryption(self, execution: Execution) -> dict[str, str]:
        key = self._store_of(execution).get("encryptionKey")
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["id"]} if key else {}

    def _new_location(self, execution: Execution, artifact: str) -> Location:
        name = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(7))
        key = f"{execution.declaration['name'][:20]}/{artifact[:10]}/{name}"
        return Location(self._store_of(execution)["location"], key)

    # builds

    def _build(self, execution: Execution, run: ActionRun) -> None:
        codebuild = self.client(execution, run, "codebuild")
        request, run_outputs = self._build_request(execution, run)
        build = codebuild.start_build(**request)["build"]
        run.external_id = build["id"]
        run.external_url = (
            f"https://{self._cloud.region}.console.aws.amazon.com/codesuite/codebuild/{self._cloud.account_id}"
            f"/projects/{build['projectName']}/build/{build['id'].replace(':', '%3A')}"
        )
        run.log_stream_arn = build["logs"].get("cloudWatchLogsArn")

        deadline = time.monotonic() + 3600 * BUILD_HOURS
        while not self._cloud.service(CodeBuild).builds.wait(build["id"], POLL_SECONDS):
            if execution.abandoned.is_set():
                raise Abandoned
            if time.monotonic() > deadline:
                codebuild.stop_build(id=build["id"])
                raise ActionFailure("JobTimedOut", f"The build took longer than {BUILD_HOURS} hours")

        build = codebuild.batch_get_builds(ids=[build["id"]])["builds"][0]
        if build["buildStatus"] != "SUCCEEDED":
            raise ActionFailure("JobFailed", build_failure(build))
        run.variables = {entry["name"]: entry["value"] for entry in build["exportedEnvironmentVariables"]}
        run.outputs = run_outputs

    def _build_request(self, execution: Execution, run: ActionRun) -> tuple[dict, dict[str, Location]]:
        configuration = run.resolved_configuration
        primary = configuration.get("PrimarySource") or next(iter(run.inputs))
        source = run.inputs[primary]
        encryption_key = self._store_of(execution).get("encryptionKey", {}).get("id")

        outputs = {
            artifact["name"]: self._new_location(execution, artifact["name"])
            for artifact in run.action["outputArtifacts"]
        }
        targets = [
            _artifact_target(location, None if len(outputs) == 1 else name) for name, location in outputs.items()
        ]

        request = {
            "projectName": configuration["ProjectName"],
            # CodeBuild names the pipeline as the build's initiator by this token.
            "idempotencyToken": f"codepipeline/{execution.declaration['name']}/{run.id}",
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": f"{source.bucket}/{source.key}",
            "sourceVersion": f"arn:aws:s3:::{source.bucket}/{source.key}",
            "secondarySourcesOverride": [
                {"type": "S3", "location": f"{location.bucket}/{location.key}", "sourceIdentifier": name}
                for name, location in run.inputs.items()
                if name != primary
            ],
            "artifactsOverride": targets[0] if len(targets) == 1 else {"type": "NO_ARTIFACTS"},
            "secondaryArtifactsOverride": targets if len(targets) > 1 else [],
            "environmentVariablesOverride": [
                {"type": "PLAINTEXT", **entry} for entry in json.loads(configuration.get("EnvironmentVariables", "[]"))
            ],
        }
        if encryption_key:
            request["encryptionKeyOverride"] = encryption_key
        return request, outputs

    # approvals

    def _approval(self, execution: Execution, run: ActionRun) -> None:
        run.token = new_id()
        minutes = run.action.get("timeoutInMinutes", APPROVAL_MINUTES)
        expires = now() + timedelta(minutes=minutes)
        if topic := run.resolved_configuration.get("NotificationArn"):
            notice = self._approval_notice(execution, run, expires.strftime("%Y-%m-%dT%H:%MZ"))
            self.client(execution, run, "sns").publish(
                TopicArn=topic,
                Subject=f"APPROVAL NEEDED: AWS CodePipeline {execution.declaration['name']}"[:100],
                Message=json.dumps(notice),
            )
        while not run.decided.wait(POLL_SECONDS):
            if execution.abandoned.is_set():
                raise Abandoned
            if now() > expires:
                raise ActionFailure("TimeoutError", f"Nobody approved or rejected within {minutes} minutes")
        if run.decision == "Rejected":
            raise ActionFailure("Rejected", f"Rejected: {run.summary or 'no reason given'}")

    def _approval_notice(self, execution: Execution, run: ActionRun, expires: str) -> dict:
        name = execution.declaration["name"]
        console = console_url(self._cloud.region, name)
        return {
            "region": self._cloud.region,
            "consoleLink": console,
            "approval": {
                "pipelineName": name,
                "stageName": run.stage,
                "actionName": run.name,
                "token": run.token,
                "expires": expires,
                "externalEntityLink": run.resolved_configuration.get("ExternalEntityLink"),
                "approvalReviewLink": f"{console}#/{run.stage}/{run.name}/approve/{run.token}",
                "customData": run.resolved_configuration.get("CustomData"),
            },
        }


def console_url(region: str, pipeline: str) -> str:
    """Where AWS's console shows a pipeline."""
    return f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}/view"


def build_failure(build: dict) -> str:
    """Why a build did not succeed: its first phase that did not, with that phase's context."""
    message = f"Build terminated with state: {build['buildStatus']}"
    for phase in build["phases"]:
        if phase.get("phaseStatus", SUCCEEDED.upper()) != "SUCCEEDED":
            context = (phase.get("contexts") or [{}])[0]
            return (
                f"{message}. Phase: {phase['phaseType']}, Code: {context.get('statusCode', '')}, "
                f"Message: {context.get('message', '')}"
            )
    return message


def _artifact_target(location: Location, identifier: str | None) -> dict:
    path, _, name = location.key.rpartition("/")
    target = {"type": "S3", "location": location.bucket, "path": path, "name": name, "packaging": "ZIP"}
    return target | ({"artifactIdentifier": identifier} if identifier else {})


def _client_error_code(error: ClientError) -> str:
    denied = error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return "PermissionError" if denied else "ConfigurationError"
