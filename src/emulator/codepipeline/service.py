"""CodePipeline V2 as one service: pipelines, their executions, and what starts them by itself."""

from __future__ import annotations

from emulator.codepipeline.executions import Executions
from emulator.codepipeline.pipelines import Pipelines
from emulator.codepipeline.sources import Sources
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.service import Service

S3_POLL_SECONDS = 0.5


class CodePipeline(Service):
    """Pipelines, executions, approvals, retries and rollbacks. Custom actions, jobs and webhooks are absent."""

    service_name = "codepipeline"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._sources = Sources(cloud)
        self._pipelines = Pipelines(cloud, self._sources.exist)
        self.parts = (self._pipelines, Executions(cloud, self._pipelines))

    def start(self) -> None:
        self.cloud.background(self._watch_s3_sources)

    def stop(self) -> None:
        for pipeline in self._pipelines.all():
            pipeline.end()

    def list_webhooks(self, request: dict, caller: Caller) -> dict:
        # No webhook can be made here (PutWebhook is absent), so there is none.
        return {"webhooks": []}

    def source_changed(self, repository: str, branch: str, commit: str, message: str, changed_paths: list[str]) -> None:
        self._sources.push(self._pipelines.all(), repository, branch, commit, changed_paths)

    def _watch_s3_sources(self) -> None:
        while not self.cloud.stopping.wait(S3_POLL_SECONDS):
            self._sources.look_at_objects(self._pipelines.all())
