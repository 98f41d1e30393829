"""One emulator and one applied platform for all end-to-end tests; every push is a git push of a copy of this tree."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from laptop.emulator_process import start_emulator, stop_emulator
from laptop.machine import BRANCH, REPOSITORY, Laptop
from laptop.platform import apply_platform, platform_outputs
from laptop.screen import Screen
from laptop.source import executions, snapshot_commit
from release.aws.logs import last_log_lines
from release.operate.decide import answer_approval
from release.operate.progress import ENDED, Approval, Stage, pending_approval, stages

ROOT = Path(__file__).parents[2]


@dataclass
class Platform:
    """The applied platform and what a test does to it."""

    laptop: Laptop
    outputs: dict
    checkout: Path
    """A copy of this tree with a git history of its own; tests edit it and push it."""
    screen: Screen
    executions: list[str] = field(default_factory=list)

    @staticmethod
    def wait_for(probe: Callable, what: str, seconds: float):
        """The first true value of `probe`; fails the test when none came in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := probe():
                return value
            time.sleep(0.3)
        pytest.fail(f"waited {seconds} s for {what}")

    def client(self, service: str):
        return self.laptop.client(service)

    @property
    def pipeline(self) -> str:
        return self.outputs["pipeline_name"]

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.checkout / name
        text = path.read_text()
        assert old in text, f"{name} holds no {old!r}"
        path.write_text(text.replace(old, new))

    def push(self, message: str) -> str:
        """Commits and pushes the checkout; returns the execution id that the push started."""
        earlier = set(executions(self.client("codepipeline"), self.pipeline))
        environment = self.laptop.environment()
        for arguments in (
            ["add", "--all"],
            ["commit", "-q", "-m", message],
            ["push", "-q", f"{self.laptop.url}/git/{REPOSITORY}", f"HEAD:refs/heads/{BRANCH}"],
        ):
            subprocess.run(["git", *arguments], cwd=self.checkout, env=environment, check=True)
        execution_id = self.wait_for(
            lambda: next(
                (each for each in executions(self.client("codepipeline"), self.pipeline) if each not in earlier),
                None,
            ),
            "the push to start an execution",
            seconds=30,
        )
        self.executions.append(execution_id)
        return execution_id

    def stages(self, execution_id: str) -> dict[str, Stage]:
        found = stages(self.client("codepipeline"), self.client("codebuild"), self.pipeline, execution_id)
        return {stage.name: stage for stage in found}

    def status(self, execution_id: str) -> str:
        answer = self.client("codepipeline").get_pipeline_execution(
            pipelineName=self.pipeline, pipelineExecutionId=execution_id
        )
        return answer["pipelineExecution"]["status"]

    def wait_for_approval(self, execution_id: str) -> Approval:
        def ready():
            if pending := pending_approval(self.client("codepipeline"), self.pipeline, execution_id):
                return pending
            assert self.status(execution_id) not in ENDED, self.explain(execution_id)
            return None

        return self.wait_for(ready, "the approval", seconds=400)

    def wait_for_end(self, execution_id: str) -> str:
        def ended():
            status = self.status(execution_id)
            return status if status in ENDED else None

        return self.wait_for(ended, "the execution to end", seconds=400)

    def decide(self, execution_id: str, status: str) -> None:
        approval = self.wait_for_approval(execution_id)
        codepipeline = self.client("codepipeline")
        answer_approval(codepipeline, self.pipeline, approval, status == "Approved", "decided by a test")

    def explain(self, execution_id: str) -> str:
        """The stages and the last log lines of what failed: the message of a failing assertion."""
        lines = []
        for stage in self.stages(execution_id).values():
            lines.append(f"{stage.name} {stage.status} {stage.summary}")
            if stage.status == "Failed" and stage.log:
                lines += last_log_lines(self.client("logs"), stage.log, 40)
        return "\n".join(lines)

    def ask(self, environment: str, text: str = "you are an idiot") -> dict:
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.outputs[f"{environment}_endpoint_name"],
            ContentType="application/json",
            Body=json.dumps({"text": text}),
        )
        return json.loads(answer["Body"].read())

    def instance_counts(self, kind: str) -> list[int]:
        """Instances of each processing job of one kind."""
        sagemaker = self.client("sagemaker")
        jobs = sagemaker.list_processing_jobs(NameContains=f"-{kind}-")["ProcessingJobSummaries"]
        described = [sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"]) for job in jobs]
        return [found["ProcessingResources"]["ClusterConfig"]["InstanceCount"] for found in described]

    def denials(self) -> list[str]:
        """`role: action on resource (reason)` of every call that its role did not allow, each once."""
        lines = (self.laptop.emulator_root / "denials.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        told = [f"{one['role_arn']}: {one['action']} on {one['resource']} ({one['reason']})" for one in found]
        return list(dict.fromkeys(told))

    def live_config(self, environment: str) -> str | None:
        """Name of the endpoint config in service, None where there is no endpoint."""
        sagemaker = self.client("sagemaker")
        name = self.outputs[f"{environment}_endpoint_name"]
        if name not in [e["EndpointName"] for e in sagemaker.list_endpoints(NameContains=name)["Endpoints"]]:
            return None
        return sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    directory = ROOT / ".local" / "e2e"
    settings = (("training", {"use_spot": True}), ("processing", {"instance_count": 2}))
    laptop = Laptop(directory=directory, variables=settings)
    stop_emulator(laptop)  # a run that was killed may have left its own
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    screen = Screen()
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        start_emulator(laptop, screen)
        apply_platform(laptop, screen)
        outputs = platform_outputs(laptop)
        checkout = tmp_path_factory.mktemp("checkout")
        commit, _ = snapshot_commit(laptop)
        archive = subprocess.run(["git", "archive", commit], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", checkout], input=archive.stdout, check=True)
        for arguments in (["init", "-q"], ["config", "user.name", "test"], ["config", "user.email", "test@localhost"]):
            subprocess.run(["git", *arguments], cwd=checkout, check=True)
        yield Platform(laptop, outputs, checkout, screen)
    finally:
        stop_emulator(laptop)
        os.chdir(before)
