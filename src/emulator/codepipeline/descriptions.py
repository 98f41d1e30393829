"""What the API answers about pipelines: stages, actions, executions and rules as they went."""

from __future__ import annotations

from typing import Any

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
from emulator.core.cloud import Cloud


def stage_state(cloud: Cloud, pipeline: Pipeline, declared: dict, stage: Stage) -> dict:
    """A stage as GetPipelineState shows it; `declared` is its declaration."""
    inbound = [{"pipelineExecutionId": one.id, "status": IN_PROGRESS, "type": one.type} for one in stage.waiting]
    state: dict[str, Any] = {
        "stageName": stage.name,
        "inboundExecution": inbound[0] if inbound else None,
        "inboundExecutions": inbound,
        "inboundTransitionState": {
            "enabled": stage.enabled,
            "lastChangedBy": stage.changed_by,
            "lastChangedAt": stage.changed_at if stage.changed_by else None,
            "disabledReason": stage.disabled_reason,
        },
        "actionStates": [_action_state(cloud, pipeline, stage.name, action) for action in declared["actions"]],
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


def _action_state(cloud: Cloud, pipeline: Pipeline, stage_name: str, action: dict) -> dict:
    state: dict = {"actionName": action["name"]}
    run = next(
        (run for run in reversed(pipeline.action_runs) if (run.stage, run.name) == (stage_name, action["name"])),
        None,
    )
    configuration = run.resolved_configuration if run else {}
    provider = action["actionTypeId"]["provider"]
    if provider == "CodeBuild":
        state["entityUrl"] = (
            f"https://{cloud.region}.console.aws.amazon.com/codesuite/codebuild/{cloud.account_id}"
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


def action_detail(region: str, execution: Execution, run: ActionRun) -> dict:
    """A run of an action as ListActionExecutions shows it."""
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
            "region": action.get("region", region),
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


def succeeded_in(execution: Execution, stage: str) -> bool:
    """Whether the execution came through a stage."""
    return stage in execution.stage_runs and execution.stage_runs[stage].status == SUCCEEDED


def _rollback_metadata(execution: Execution) -> dict | None:
    if execution.rollback_target is None:
        return None
    return {"rollbackTargetPipelineExecutionId": execution.rollback_target}


def execution_summary(execution: Execution) -> dict:
    """An execution as ListPipelineExecutions shows it."""
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


def rule_detail(execution: Execution, run: RuleRun) -> dict:
    """A run of a rule as ListRuleExecutions shows it."""
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


def execution_detail(pipeline: Pipeline, execution: Execution) -> dict:
    """An execution as GetPipelineExecution shows it."""
    return {
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
