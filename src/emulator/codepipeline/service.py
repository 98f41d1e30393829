"""CodePipeline V2: the API. How executions run is in engine, what actions do in actions."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from emulator.codepipeline import definition
from emulator.codepipeline.engine import Pipeline
from emulator.codepipeline.records import (
    IN_PROGRESS,
    SUCCEEDED,
    ActionRun,
    ConditionRun,
    Execution,
    Location,
    RuleRun,
    Stage,
    StageRun,
)
from emulator.codepipeline.triggers import push_starts
from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.listing import page
from emulator.core.service import Service
from emulator.git.repositories import Repositories
from emulator.iam.roles import check_role

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

log = logging.getLogger(__name__)

S3_POLL_SECONDS = 0.5
CONDITION_NAMES = {"BEFORE_ENTRY": "beforeEntry", "ON_SUCCESS": "onSuccess"}


class CodePipeline(Service):
    """Pipelines, executions, approvals, retries and rollbacks. Custom actions, jobs and webhooks are absent."""

    service_name = "codepipeline"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._git = Repositories(cloud)
        self._pipelines: dict[str, Pipeline] = {}
        self._tags: dict[str, dict[str, str]] = {}  # by pipeline name
        self._seen_objects: dict[tuple[str, str], str] = {}  # (pipeline, S3 source) -> version, "" for no object

    def start(self) -> None:
        self.cloud.background(self._watch_s3_sources)

    def stop(self) -> None:
        for pipeline in list(self._pipelines.values()):
            pipeline.end()

    # pipelines

    def create_pipeline(self, request: dict, caller: Caller) -> dict:
        declaration = definition.with_defaults(request["pipeline"] | {"version": 1})
        definition.check(declaration, self.cloud.region)
        check_role(self.cloud, "codepipeline", declaration["roleArn"])
        name = declaration["name"]
        with self._lock:
            if name in self._pipelines:
                raise AwsError("PipelineNameInUseException", f"A pipeline with the name '{name}' already exists")
            pipeline = self._pipelines[name] = Pipeline(self.cloud, declaration)
            self._tags[name] = {tag["key"]: tag["value"] for tag in request.get("tags", [])}
        # AWS starts a new pipeline at once and lets it fail where there is no source yet; we spare that failure.
        if self._has_source(declaration):
            pipeline.start("CreatePipeline", caller.arn)
        return {"pipeline": declaration, "tags": _tag_list(self._tags[name])}

    def update_pipeline(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            pipeline = self._find(request["pipeline"]["name"])
            version = pipeline.declaration["version"] + 1
            declaration = definition.with_defaults(request["pipeline"] | {"version": version})
            definition.check(declaration, self.cloud.region)
            check_role(self.cloud, "codepipeline", declaration["roleArn"])
            pipeline.update(declaration)
        return {"pipeline": declaration}

    def get_pipeline(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["name"])
        version = request.get("version", pipeline.declaration["version"])
        if version not in pipeline.versions:
            raise AwsError("PipelineVersionNotFoundException", f"Pipeline {pipeline.name} has no version {version}")
        return {
            "pipeline": pipeline.versions[version],
            "metadata": {
                "pipelineArn": self.cloud.arn("codepipeline", pipeline.name),
                "created": pipeline.created,
                "updated": pipeline.updated,
            },
        }

    def delete_pipeline(self, request: dict, caller: Caller) -> None:
        with self._lock:
            pipeline = self._pipelines.pop(request["name"], None)
            self._tags.pop(request["name"], None)
        if pipeline is not None:
            pipeline.end()

    def list_pipelines(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            pipelines = [
                {
                    "name": pipeline.name,
                    "version": pipeline.declaration["version"],
                    "pipelineType": pipeline.declaration["pipelineType"],
                    "executionMode": pipeline.declaration["executionMode"],
                    "created": pipeline.created,
                    "updated": pipeline.updated,
                }
                for pipeline in self._pipelines.values()
            ]
        return page("pipelines", pipelines, request)

    def list_tags_for_resource(self, request: dict, caller: Caller) -> dict:
        return {"tags": _tag_list(self._tags_of(request["resourceArn"]))}

    def tag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags_of(request["resourceArn"]).update({tag["key"]: tag["value"] for tag in request["tags"]})
        return {}

    def untag_resource(self, request: dict, caller: Caller) -> dict:
        for key in request["tagKeys"]:
            self._tags_of(request["resourceArn"]).pop(key, None)
        return {}

    def list_webhooks(self, request: dict, caller: Caller) -> dict:
        # No webhook can be made here (PutWebhook is absent), so there is none.
        return {"webhooks": []}

    # executions

    def start_pipeline_execution(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["name"])
        sources = {action["name"] for action in pipeline.declaration["stages"][0]["actions"]}
        overrides = {}
        for revision in request.get("sourceRevisions", []):
            if revision["actionName"] not in sources:
                raise AwsError(
                    "ValidationException",
                    f"there is no source action {revision['actionName']}; source actions: {', '.join(sorted(sources))}",
                )
            overrides[revision["actionName"]] = (revision["revisionType"], revision["revisionValue"])
        variables = {one["name"]: one["value"] for one in request.get("variables", [])}
        execution = pipeline.start("StartPipelineExecution", caller.arn, variables, overrides)
        return {"pipelineExecutionId": execution.id}

    def stop_pipeline_execution(self, request: dict, caller: Caller) -> dict:
        pipeline, execution = self._find_execution(request)
        pipeline.stop(execution, request.get("abandon", False), request.get("reason"))
        return {"pipelineExecutionId": execution.id}

    def get_pipeline_execution(self, request: dict, caller: Caller) -> dict:
        pipeline, execution = self._find_execution(request)
        with pipeline.changed:
            described = {
                "pipelineName": pipeline.name,
                "pipelineVersion": execution.version,
                "pipelineExecutionId": execution.id,
                "status": execution.status,
                "statusSummary": execution.status_summary,
                "artifactRevisions": [
                    {
                        "name": artifact,
                        "revisionId": revision.revision_id,
                        "revisionSummary": revision.summary[:2048],
                    }
                    for artifact, revision in execution.revisions.values()
                ],
                "variables": [{"name": name, "resolvedValue": value} for name, value in execution.variables.items()],
                "trigger": {"triggerType": execution.trigger_type, "triggerDetail": execution.trigger_detail},
                "executionMode": execution.declaration["executionMode"],
                "executionType": execution.type,
                "rollbackMetadata": _rollback_metadata(execution),
            }
        return {"pipelineExecution": described}

    def list_pipeline_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["pipelineName"])
        stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        with pipeline.changed:
            found = [
                _execution_summary(execution)
                for execution in reversed(pipeline.executions.values())
                if stage is None or _succeeded_in(execution, stage)
            ]
        return page("pipelineExecutionSummaries", found, request)

    def list_action_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["pipelineName"])
        execution_id = self._filtered_execution(pipeline, request)
        with pipeline.changed:
            found = [
                self._action_detail(pipeline.executions[run.execution_id], run)
                for run in reversed(pipeline.action_runs)
                if execution_id in (None, run.execution_id)
            ]
        return page("actionExecutionDetails", found, request)

    def list_rule_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["pipelineName"])
        execution_id = self._filtered_execution(pipeline, request)
        with pipeline.changed:
            found = [
                _rule_detail(pipeline.executions[run.execution_id], run)
                for run in reversed(pipeline.rule_runs)
                if execution_id in (None, run.execution_id)
            ]
        return page("ruleExecutionDetails", found, request)

    def put_approval_result(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["pipelineName"])
        declared = self._find_stage(pipeline, request["stageName"])
        if request["actionName"] not in {action["name"] for action in declared["actions"]}:
            raise AwsError(
                "ActionNotFoundException",
                f"Action {request['actionName']} was not found in stage {request['stageName']} of {pipeline.name}",
            )
        with pipeline.changed:
            run = next(
                (
                    run
                    for run in reversed(pipeline.action_runs)
                    if (run.stage, run.name, run.token)
                    == (request["stageName"], request["actionName"], request["token"])
                ),
                None,
            )
            if run is None:
                raise AwsError(
                    "InvalidApprovalTokenException",
                    "The token is not that of an approval of this action; read the present one with GetPipelineState",
                )
            if run.decided.is_set() or run.status != IN_PROGRESS:
                raise AwsError("ApprovalAlreadyCompletedException", "The approval has been completed already")
            run.summary = request["result"]["summary"] or None
            run.updated_by = caller.arn
            run.decision = request["result"]["status"]
            run.decided.set()
        return {"approvedAt": self.cloud.now()}

    def retry_stage_execution(self, request: dict, caller: Caller) -> dict:
        pipeline, execution = self._find_execution(request)
        pipeline.retry(execution, request["stageName"], request["retryMode"])
        return {"pipelineExecutionId": execution.id}

    def override_stage_condition(self, request: dict, caller: Caller) -> None:
        pipeline, execution = self._find_execution(request)
        pipeline.override_condition(execution, request["stageName"], CONDITION_NAMES[request["conditionType"]])

    def rollback_stage(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["pipelineName"])
        self._find_stage(pipeline, request["stageName"])
        target = self._execution_of(pipeline, request["targetPipelineExecutionId"])
        execution = pipeline.rollback(request["stageName"], target, "ManualRollback", caller.arn)
        return {"pipelineExecutionId": execution.id}

    def disable_stage_transition(self, request: dict, caller: Caller) -> None:
        self._set_transition(request, caller, False)

    def enable_stage_transition(self, request: dict, caller: Caller) -> None:
        self._set_transition(request, caller, True)

    def get_pipeline_state(self, request: dict, caller: Caller) -> dict:
        pipeline = self._find(request["name"])
        with pipeline.changed:
            return {
                "pipelineName": pipeline.name,
                "pipelineVersion": pipeline.declaration["version"],
                "stageStates": [
                    self._stage_state(pipeline, stage, pipeline.stages[stage["name"]])
                    for stage in pipeline.declaration["stages"]
                ],
                "created": pipeline.created,
                "updated": pipeline.updated,
            }

    # sources that changed

    def source_changed(self, repository: str, branch: str, commit: str, message: str, changed_paths: list[str]) -> None:
        """A push: starts each pipeline that watches the branch. Called by the git server.

        `repository` is <owner>/<name> of a connection or the name of a CodeCommit repository.
        """
        with self._lock:
            pipelines = list(self._pipelines.values())
        for pipeline in pipelines:
            for action in pipeline.declaration["stages"][0]["actions"]:
                trigger_type = self._push_trigger(pipeline, action, repository, branch, changed_paths)
                if trigger_type is not None:
                    log.info("pipeline %s starts: %s at %s", pipeline.name, branch, commit[:8])
                    overrides = {action["name"]: ("COMMIT_ID", commit)}
                    self._start_quietly(pipeline, trigger_type, f"{repository}@{branch}", overrides, branch)
                    break

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
        arn = self.cloud.arn("codepipeline", pipeline.name)
        rules = self.cloud.moto_client("events").list_rule_names_by_target(TargetArn=arn)["RuleNames"]
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

    def _has_source(self, declaration: dict) -> bool:
        return all(self._source_exists(action) for action in declaration["stages"][0]["actions"])

    def _source_exists(self, action: dict) -> bool:
        configuration = action["configuration"]
        provider = action["actionTypeId"]["provider"]
        if provider == "S3":
            return self._object_version(configuration["S3Bucket"], configuration["S3ObjectKey"]) is not None
        if provider == "CodeCommit":
            repository = f"codecommit/{configuration['RepositoryName']}"
        else:
            repository = configuration["FullRepositoryId"]
        return self._git.exists(repository) and configuration["BranchName"] in self._git.branches(repository)

    def _watch_s3_sources(self) -> None:
        while not self.cloud.stopping.wait(S3_POLL_SECONDS):
            with self._lock:
                pipelines = list(self._pipelines.values())
            for pipeline in pipelines:
                for action in pipeline.declaration["stages"][0]["actions"]:
                    if action["actionTypeId"]["provider"] == "S3":
                        self._look_at_object(pipeline, action)

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
            return self.cloud.moto_client("s3").head_object(Bucket=bucket, Key=key).get("VersionId")
        except ClientError:
            return None

    # descriptions

    def _stage_state(self, pipeline: Pipeline, declared: dict, stage: Stage) -> dict:
        inbound = [{"pipelineExecutionId": one.id, "status": IN_PROGRESS, "type": one.type} for one in stage.waiting]
        state = {
            "stageName": stage.name,
            "inboundExecution": inbound[0] if inbound else None,
            "inboundExecutions": inbound,
            "inboundTransitionState": {
                "enabled": stage.enabled,
                "lastChangedBy": stage.changed_by,
                "lastChangedAt": stage.changed_at if stage.changed_by else None,
                "disabledReason": stage.disabled_reason,
            },
            "actionStates": [self._action_state(pipeline, stage.name, action) for action in declared["actions"]],
        }
        if stage.latest is not None:
            state |= {
                "latestExecution": {
                    "pipelineExecutionId": stage.latest.execution_id,
                    "status": stage.latest.status,
                    "type": stage.latest.type,
                },
                "beforeEntryConditionState": _condition_state(declared, stage.latest, "beforeEntry"),
                "onSuccessConditionState": _condition_state(declared, stage.latest, "onSuccess"),
                "onFailureConditionState": _condition_state(declared, stage.latest, "onFailure"),
                "retryStageMetadata": _retry_metadata(stage.latest),
            }
        return state

    def _action_state(self, pipeline: Pipeline, stage_name: str, action: dict) -> dict:
        state: dict = {"actionName": action["name"]}
        run = next(
            (run for run in reversed(pipeline.action_runs) if (run.stage, run.name) == (stage_name, action["name"])),
            None,
        )
        configuration = run.resolved_configuration if run else {}
        provider = action["actionTypeId"]["provider"]
        if provider == "CodeBuild":
            state["entityUrl"] = (
                f"https://{self.cloud.region}.console.aws.amazon.com/codesuite/codebuild/{self.cloud.account_id}"
                f"/projects/{action['configuration']['ProjectName']}/"
            )
        elif provider == "Manual" and configuration.get("ExternalEntityLink"):
            state["entityUrl"] = configuration["ExternalEntityLink"]
        if run is None:
            return state
        if run.revision is not None:
            state["currentRevision"] = {
                "revisionId": run.revision.revision_id,
                "revisionChangeId": run.revision.revision_id[:100],
                "created": run.started,
            }
        state["latestExecution"] = {
            "actionExecutionId": run.id,
            "status": run.status,
            "summary": run.summary,
            "lastStatusChange": run.changed,
            "token": run.token if run.status == IN_PROGRESS else None,
            "lastUpdatedBy": run.updated_by,
            "externalExecutionId": run.external_id,
            "externalExecutionUrl": run.external_url,
            "errorDetails": _error_details(run),
            "logStreamARN": run.log_stream_arn,
        }
        return state

    def _action_detail(self, execution: Execution, run: ActionRun) -> dict:
        action = run.action
        return {
            "pipelineExecutionId": execution.id,
            "actionExecutionId": run.id,
            "pipelineVersion": execution.version,
            "stageName": run.stage,
            "actionName": run.name,
            "startTime": run.started,
            "lastUpdateTime": run.changed,
            "updatedBy": run.updated_by,
            "status": run.status,
            "input": {
                "actionTypeId": action["actionTypeId"],
                "configuration": action["configuration"],
                "resolvedConfiguration": run.resolved_configuration,
                "roleArn": action.get("roleArn"),
                "region": action.get("region", self.cloud.region),
                "inputArtifacts": _artifacts(run.inputs),
                "namespace": action.get("namespace"),
            },
            "output": {
                "outputArtifacts": _artifacts(run.outputs),
                "executionResult": {
                    "externalExecutionId": run.external_id,
                    "externalExecutionSummary": run.summary,
                    "externalExecutionUrl": run.external_url,
                    "errorDetails": _error_details(run),
                    "logStreamARN": run.log_stream_arn,
                },
                "outputVariables": run.variables,
            },
        }

    # finding

    def _find(self, name: str) -> Pipeline:
        with self._lock:
            if name not in self._pipelines:
                raise AwsError(
                    "PipelineNotFoundException",
                    f"Account '{self.cloud.account_id}' does not have a pipeline with name '{name}'",
                )
            return self._pipelines[name]

    def _find_stage(self, pipeline: Pipeline, name: str) -> dict:
        for stage in pipeline.declaration["stages"]:
            if stage["name"] == name:
                return stage
        raise AwsError("StageNotFoundException", f"Stage {name} was not found in pipeline {pipeline.name}")

    def _execution_of(self, pipeline: Pipeline, execution_id: str) -> Execution:
        with pipeline.changed:
            if execution_id not in pipeline.executions:
                raise AwsError(
                    "PipelineExecutionNotFoundException",
                    f"The pipeline execution was not found: {execution_id} of {pipeline.name}",
                )
            return pipeline.executions[execution_id]

    def _find_execution(self, request: dict) -> tuple[Pipeline, Execution]:
        pipeline = self._find(request["pipelineName"])
        if "stageName" in request:
            self._find_stage(pipeline, request["stageName"])
        return pipeline, self._execution_of(pipeline, request["pipelineExecutionId"])

    def _filtered_execution(self, pipeline: Pipeline, request: dict) -> str | None:
        wanted = request.get("filter", {})
        execution_id = wanted.get("pipelineExecutionId") or wanted.get("latestInPipelineExecution", {}).get(
            "pipelineExecutionId"
        )
        if execution_id is not None:
            self._execution_of(pipeline, execution_id)
        return execution_id

    def _set_transition(self, request: dict, caller: Caller, enabled: bool) -> None:
        pipeline = self._find(request["pipelineName"])
        self._find_stage(pipeline, request["stageName"])
        if request["transitionType"] != "Inbound":
            raise AwsError("ValidationException", "outbound transitions are not emulated; use Inbound")
        with pipeline.changed:
            stage = pipeline.stages[request["stageName"]]
            stage.enabled = enabled
            stage.disabled_reason = request.get("reason")
            stage.changed_by = caller.arn
            stage.changed_at = self.cloud.now()
            pipeline.changed.notify_all()

    def _tags_of(self, arn: str) -> dict[str, str]:
        name = arn.rsplit(":", 1)[1]
        if name not in self._tags:
            raise AwsError("ResourceNotFoundException", f"{arn} was not found")
        return self._tags[name]


def _tag_list(tags: dict[str, str]) -> list[dict]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _succeeded_in(execution: Execution, stage: str) -> bool:
    return stage in execution.stage_runs and execution.stage_runs[stage].status == SUCCEEDED


def _rollback_metadata(execution: Execution) -> dict | None:
    if execution.rollback_target is None:
        return None
    return {"rollbackTargetPipelineExecutionId": execution.rollback_target}


def _execution_summary(execution: Execution) -> dict:
    return {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.status_summary,
        "startTime": execution.started,
        "lastUpdateTime": execution.changed,
        "sourceRevisions": [
            {"actionName": action, "revisionId": revision.revision_id, "revisionSummary": revision.summary[:2048]}
            for action, (_, revision) in execution.revisions.items()
        ],
        "trigger": {"triggerType": execution.trigger_type, "triggerDetail": execution.trigger_detail},
        "stopTrigger": {"reason": execution.stop_reason} if execution.stop_reason else None,
        "executionMode": execution.declaration["executionMode"],
        "executionType": execution.type,
        "rollbackMetadata": _rollback_metadata(execution),
    }


def _condition_state(declared: dict, stage_run: StageRun, when: str) -> dict | None:
    conditions = declared.get(when, {}).get("conditions")
    if not conditions:
        return None
    condition = stage_run.conditions.get(when)
    if condition is None:
        return {
            "conditionStates": [{"ruleStates": [{"ruleName": rule["name"]} for rule in conditions[0].get("rules", [])]}]
        }
    return {
        "latestExecution": {"status": condition.status, "summary": condition.summary or None},
        "conditionStates": [_one_condition(condition)],
    }


def _one_condition(condition: ConditionRun) -> dict:
    return {
        "latestExecution": {
            "status": condition.status,
            "summary": condition.summary or None,
            "lastStatusChange": condition.changed,
        },
        "ruleStates": [
            {
                "ruleName": run.rule["name"],
                "latestExecution": {
                    "ruleExecutionId": run.id,
                    "status": run.status,
                    "summary": run.summary or None,
                    "lastStatusChange": run.changed,
                    "errorDetails": _rule_error(run),
                },
            }
            for run in condition.rules
        ],
    }


def _rule_error(run: RuleRun) -> dict | None:
    return {"code": run.error_code, "message": run.summary} if run.error_code else None


def _rule_detail(execution: Execution, run: RuleRun) -> dict:
    return {
        "pipelineExecutionId": execution.id,
        "ruleExecutionId": run.id,
        "pipelineVersion": execution.version,
        "stageName": run.stage,
        "ruleName": run.rule["name"],
        "startTime": run.started,
        "lastUpdateTime": run.changed,
        "status": run.status,
        "input": {
            "ruleTypeId": run.rule["ruleTypeId"],
            "configuration": run.rule["configuration"],
            "resolvedConfiguration": run.resolved_configuration,
            "roleArn": run.rule.get("roleArn"),
        },
        "output": {"executionResult": {"externalExecutionSummary": run.summary, "errorDetails": _rule_error(run)}},
    }


def _retry_metadata(stage_run: StageRun) -> dict | None:
    if stage_run.latest_retry is None:
        return None
    return {
        "autoStageRetryAttempt": stage_run.automatic_retries or None,
        "manualStageRetryAttempt": stage_run.manual_retries or None,
        "latestRetryTrigger": stage_run.latest_retry,
    }


def _error_details(run: ActionRun) -> dict | None:
    return {"code": run.error_code, "message": run.error_message} if run.error_code else None


def _artifacts(locations: dict[str, Location]) -> list[dict]:
    return [
        {"name": name, "s3location": {"bucket": location.bucket, "key": location.key}}
        for name, location in locations.items()
    ]
