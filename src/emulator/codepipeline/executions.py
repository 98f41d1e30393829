"""Executions of pipelines: the operations that start, stop, approve, retry, roll back and describe them."""

from __future__ import annotations

from emulator.codepipeline.descriptions import (
    action_detail,
    execution_detail,
    execution_summary,
    rule_detail,
    stage_state,
    succeeded_in,
)
from emulator.codepipeline.engine import Pipeline
from emulator.codepipeline.pipelines import Pipelines
from emulator.codepipeline.records import IN_PROGRESS, Execution
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import page

CONDITION_NAMES = {"BEFORE_ENTRY": "beforeEntry", "ON_SUCCESS": "onSuccess"}


class Executions:
    """StartPipelineExecution and its siblings, approvals and transitions, GetPipelineState and the lists."""

    def __init__(self, cloud: Cloud, pipelines: Pipelines):
        self._cloud = cloud
        self._pipelines = pipelines

    def start_pipeline_execution(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["name"])
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
            described = execution_detail(pipeline, execution)
        return {"pipelineExecution": described}

    def list_pipeline_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["pipelineName"])
        stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        with pipeline.changed:
            found = [
                execution_summary(execution)
                for execution in reversed(pipeline.executions.values())
                if stage is None or succeeded_in(execution, stage)
            ]
        return page("pipelineExecutionSummaries", found, request)

    def list_action_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["pipelineName"])
        execution_id = self._filtered_execution(pipeline, request)
        with pipeline.changed:
            found = [
                action_detail(self._cloud.region, pipeline.executions[run.execution_id], run)
                for run in reversed(pipeline.action_runs)
                if execution_id in (None, run.execution_id)
            ]
        return page("actionExecutionDetails", found, request)

    def list_rule_executions(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["pipelineName"])
        execution_id = self._filtered_execution(pipeline, request)
        with pipeline.changed:
            found = [
                rule_detail(pipeline.executions[run.execution_id], run)
                for run in reversed(pipeline.rule_runs)
                if execution_id in (None, run.execution_id)
            ]
        return page("ruleExecutionDetails", found, request)

    def put_approval_result(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["pipelineName"])
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
        return {"approvedAt": self._cloud.now()}

    def retry_stage_execution(self, request: dict, caller: Caller) -> dict:
        pipeline, execution = self._find_execution(request)
        pipeline.retry(execution, request["stageName"], request["retryMode"])
        return {"pipelineExecutionId": execution.id}

    def override_stage_condition(self, request: dict, caller: Caller) -> None:
        pipeline, execution = self._find_execution(request)
        pipeline.override_condition(execution, request["stageName"], CONDITION_NAMES[request["conditionType"]])

    def rollback_stage(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["pipelineName"])
        self._find_stage(pipeline, request["stageName"])
        target = self._execution_of(pipeline, request["targetPipelineExecutionId"])
        execution = pipeline.rollback(request["stageName"], target, "ManualRollback", caller.arn)
        return {"pipelineExecutionId": execution.id}

    def disable_stage_transition(self, request: dict, caller: Caller) -> None:
        self._set_transition(request, caller, False)

    def enable_stage_transition(self, request: dict, caller: Caller) -> None:
        self._set_transition(request, caller, True)

    def get_pipeline_state(self, request: dict, caller: Caller) -> dict:
        pipeline = self._pipelines.find(request["name"])
        with pipeline.changed:
            return {
                "pipelineName": pipeline.name,
                "pipelineVersion": pipeline.declaration["version"],
                "stageStates": [
                    stage_state(self._cloud, pipeline, stage, pipeline.stages[stage["name"]])
                    for stage in pipeline.declaration["stages"]
                ],
                "created": pipeline.created,
                "updated": pipeline.updated,
            }

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
        pipeline = self._pipelines.find(request["pipelineName"])
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
        pipeline = self._pipelines.find(request["pipelineName"])
        self._find_stage(pipeline, request["stageName"])
        if request["transitionType"] != "Inbound":
            raise AwsError("ValidationException", "outbound transitions are not emulated; use Inbound")
        with pipeline.changed:
            stage = pipeline.stages[request["stageName"]]
            stage.enabled = enabled
            stage.disabled_reason = request.get("reason")
            stage.changed_by = caller.arn
            stage.changed_at = self._cloud.now()
            pipeline.changed.notify_all()
