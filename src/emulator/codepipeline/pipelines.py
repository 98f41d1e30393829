"""The pipelines of an account: the operations on their declarations and tags."""

from __future__ import annotations

import threading
from collections.abc import Callable

from moto.utilities.tagging_service import TaggingService

from emulator.codepipeline import definition
from emulator.codepipeline.engine import Pipeline
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import page
from emulator.iam.roles import check_role


class Pipelines:
    """CreatePipeline, UpdatePipeline, GetPipeline, DeletePipeline, ListPipelines, and the tags."""

    def __init__(self, cloud: Cloud, has_source: Callable[[dict], bool]):
        """`has_source` says of a declaration whether its sources are there."""
        self._cloud = cloud
        self._has_source = has_source
        self._lock = threading.RLock()
        self._pipelines: dict[str, Pipeline] = {}
        self._tags = TaggingService(tag_name="tags", key_name="key", value_name="value")  # by pipeline name

    def all(self) -> list[Pipeline]:
        with self._lock:
            return list(self._pipelines.values())

    def find(self, name: str) -> Pipeline:
        """The pipeline. Raises PipelineNotFoundException where there is none."""
        with self._lock:
            if name not in self._pipelines:
                raise AwsError(
                    "PipelineNotFoundException",
                    f"Account '{self._cloud.account_id}' does not have a pipeline with name '{name}'",
                )
            return self._pipelines[name]

    def create_pipeline(self, request: dict, caller: Caller) -> dict:
        declaration = definition.with_defaults(request["pipeline"] | {"version": 1})
        definition.check(declaration, self._cloud.region)
        check_role(self._cloud, "codepipeline", declaration["roleArn"])
        name = declaration["name"]
        with self._lock:
            if name in self._pipelines:
                raise AwsError("PipelineNameInUseException", f"A pipeline with the name '{name}' already exists")
            pipeline = self._pipelines[name] = Pipeline(self._cloud, declaration)
            self._tags.tag_resource(name, request.get("tags", []))
        # AWS starts a new pipeline at once and lets it fail where there is no source yet; we spare that failure.
        if self._has_source(declaration):
            pipeline.start("CreatePipeline", caller.arn)
        return {"pipeline": declaration, **self._tags.list_tags_for_resource(name)}

    def update_pipeline(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            pipeline = self.find(request["pipeline"]["name"])
            version = pipeline.declaration["version"] + 1
            declaration = definition.with_defaults(request["pipeline"] | {"version": version})
            definition.check(declaration, self._cloud.region)
            check_role(self._cloud, "codepipeline", declaration["roleArn"])
            pipeline.update(declaration)
        return {"pipeline": declaration}

    def get_pipeline(self, request: dict, caller: Caller) -> dict:
        pipeline = self.find(request["name"])
        version = request.get("version", pipeline.declaration["version"])
        if version not in pipeline.versions:
            raise AwsError("PipelineVersionNotFoundException", f"Pipeline {pipeline.name} has no version {version}")
        return {
            "pipeline": pipeline.versions[version],
            "metadata": {
                "pipelineArn": self._cloud.arn("codepipeline", pipeline.name),
                "created": pipeline.created,
                "updated": pipeline.updated,
            },
        }

    def delete_pipeline(self, request: dict, caller: Caller) -> None:
        with self._lock:
            pipeline = self._pipelines.pop(request["name"], None)
            self._tags.delete_all_tags_for_resource(request["name"])
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
        return self._tags.list_tags_for_resource(self._tagged(request))

    def tag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags.tag_resource(self._tagged(request), request["tags"])
        return {}

    def untag_resource(self, request: dict, caller: Caller) -> dict:
        self._tags.untag_resource_using_names(self._tagged(request), request["tagKeys"])
        return {}

    def list_webhooks(self, request: dict, caller: Caller) -> dict:
        # No webhook can be made here (PutWebhook is absent), so there is none.
        return {"webhooks": []}

    def _tagged(self, request: dict) -> str:
        """The pipeline that a request on tags is about."""
        name = request["resourceArn"].rsplit(":", 1)[1]
        if not self._tags.has_tags(name):
            raise AwsError("ResourceNotFoundException", f"{request['resourceArn']} was not found")
        return name
