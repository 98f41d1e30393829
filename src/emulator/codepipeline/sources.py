"""The sources of pipelines: whether they are there, and which pipelines start when one changes."""

from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from emulator.codepipeline.engine import Pipeline
from emulator.codepipeline.triggers import push_starts
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.git.repositories import CODECOMMIT_OWNER, Repositories

log = logging.getLogger(__name__)


class Sources:
    """Looks at git repositories and S3 objects for pipelines."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._git = Repositories(cloud)
        self._seen_objects: dict[tuple[str, str], str] = {}  # (pipeline, S3 source) -> version, "" for no object

    def exist(self, declaration: dict) -> bool:
        """Whether all sources of a declaration are there."""
        return all(self._source_exists(action) for action in declaration["stages"][0]["actions"])

    def push(self, pipelines: list[Pipeline], repository: str, branch: str, commit: str, paths: list[str]) -> None:
        """A push: starts each pipeline that watches the branch.

        `repository` is <owner>/<name> of a connection or the name of a CodeCommit repository; `paths` have changed.
        """
        for pipeline in pipelines:
            for action in pipeline.declaration["stages"][0]["actions"]:
                trigger_type = self._push_trigger(pipeline, action, repository, branch, paths)
                if trigger_type is not None:
                    log.info("pipeline %s starts: %s at %s", pipeline.name, branch, commit[:8])
                    overrides = {action["name"]: ("COMMIT_ID", commit)}
                    self._start_quietly(pipeline, trigger_type, f"{repository}@{branch}", overrides, branch)
                    break

    def look_at_objects(self, pipelines: list[Pipeline]) -> None:
        """Starts each pipeline whose S3 object has another version than at the last look."""
        for pipeline in pipelines:
            for action in pipeline.declaration["stages"][0]["actions"]:
                if action["actionTypeId"]["provider"] == "S3":
                    self._look_at_object(pipeline, action)

    def _push_trigger(
        self, pipeline: Pipeline, action: dict, repository: str, branch: str, changed_paths: list[str]
    ) -> str | None:
        """The trigger type with which a push starts the pipeline, or None."""
        configuration = action["configuration"]
        provider = action["actionTypeId"]["provider"]
        if provider == "CodeCommit":
            if (configuration["RepositoryName"], configuration["BranchName"]) != (repository, branch):
                return None
            return self._change_trigger(pipeline, configuration)
        if provider != "CodeStarSourceConnection" or configuration["FullRepositoryId"] != repository:
            return None

        triggers = [
            trigger["gitConfiguration"]
            for trigger in pipeline.declaration.get("triggers", [])
            if trigger["gitConfiguration"]["sourceActionName"] == action["name"]
        ]
        if triggers:
            starts = any(push_starts(trigger.get("push", []), branch, changed_paths) for trigger in triggers)
            return "WebhookV2" if starts else None
        detects = configuration.get("DetectChanges", "true").lower() == "true"
        return "Webhook" if detects and configuration["BranchName"] == branch else None

    def _change_trigger(self, pipeline: Pipeline, configuration: dict) -> str | None:
        """CodeCommit and S3 sources are polled, unless an EventBridge rule says what starts the pipeline."""
        if configuration.get("PollForSourceChanges", "true").lower() == "true":
            return "PollForSourceChanges"
        arn = self._cloud.arn("codepipeline", pipeline.name)
        rules = self._cloud.moto_client("events").list_rule_names_by_target(TargetArn=arn)["RuleNames"]
        return "CloudWatchEvent" if rules else None

    def _start_quietly(
        self,
        pipeline: Pipeline,
        trigger_type: str,
        detail: str,
        overrides: dict[str, tuple[str, str]],
        pushed_branch: str | None = None,
    ) -> None:
        """An event has nobody to answer: what prevents the execution is logged."""
        try:
            pipeline.start(trigger_type, detail, overrides=overrides, pushed_branch=pushed_branch)
        except AwsError as error:
            log.warning("pipeline %s does not start: %s", pipeline.name, error)

    def _source_exists(self, action: dict) -> bool:
        configuration = action["configuration"]
        provider = action["actionTypeId"]["provider"]
        if provider == "S3":
            return self._object_version(configuration["S3Bucket"], configuration["S3ObjectKey"]) is not None
        if provider == "CodeCommit":
            repository = f"{CODECOMMIT_OWNER}/{configuration['RepositoryName']}"
        else:
            repository = configuration["FullRepositoryId"]
        return self._git.exists(repository) and configuration["BranchName"] in self._git.branches(repository)

    def _look_at_object(self, pipeline: Pipeline, action: dict) -> None:
        configuration = action["configuration"]
        bucket, key = configuration["S3Bucket"], configuration["S3ObjectKey"]
        version = self._object_version(bucket, key)
        place = (pipeline.name, f"{bucket}/{key}")
        before = self._seen_objects.get(place)
        if version is None:
            self._seen_objects.setdefault(place, "")
            return
        self._seen_objects[place] = version
        # The first look only notes what is there: that version started the pipeline when it was created.
        if before is None or before == version:
            return
        trigger_type = self._change_trigger(pipeline, configuration)
        if trigger_type is not None:
            overrides = {action["name"]: ("S3_OBJECT_VERSION_ID", version)}
            self._start_quietly(pipeline, trigger_type, f"{bucket}/{key}", overrides)

    def _object_version(self, bucket: str, key: str) -> str | None:
        try:
            return self._cloud.moto_client("s3").head_object(Bucket=bucket, Key=key).get("VersionId")
        except ClientError:
            return None
