"""CodeBuild: projects, builds that really run, and their test reports."""

from __future__ import annotations

from emulator.codebuild.builds import Builds
from emulator.codebuild.projects import Projects
from emulator.codebuild.reports import Reports
from emulator.core.cloud import Cloud
from emulator.core.service import Service


class CodeBuild(Service):
    """Projects, builds, report groups and reports. Batch builds, fleets, sandboxes and webhooks are absent."""

    service_name = "codebuild"
    validation_error_code = "InvalidInputException"

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        projects, reports = Projects(cloud), Reports(cloud)
        self.builds = Builds(cloud, projects, reports)
        self.parts = (projects, self.builds, reports)

    def stop(self) -> None:
        self.builds.stop_all()
