"""What `make demo` leaves: .local/demo.json, the record of the run, and .local/report.html, the candidate's report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.evaluation.document import Metrics
from contract.model.answer import Answer
from laptop.machine import Laptop, write_whole
from laptop.source import Execution
from release.aws import s3 as objects
from release.decision import registry
from release.decision.documents import read_evaluation
from release.operate.progress import Stage, outputs_of
from release.stages import smoke

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

STAGES = ("Source", "Check", "Prepare", "Train", "Evaluate", "Staging", "Approve", "Prod")
SAMPLE_TEXT = "You are a complete idiot, and if you post here again I will find you."


def execution_record(execution: Execution, status: str, stages: list[Stage]) -> dict[str, Any]:
    """What ran, and how it ended."""
    return {
        "execution_id": execution.id,
        "commit": execution.commit,
        "status": status,
        "stages": stage_records(stages),
    }


def stage_records(stages: list[Stage]) -> list[dict[str, Any]]:
    """Every stage of the pipeline, those that were never reached included."""
    reached = {stage.name: stage for stage in stages}
    return [
        {"name": name, "status": reached[name].status, "seconds": round(reached[name].seconds, 1)}
        if name in reached
        else {"name": name, "status": "NotStarted", "seconds": 0.0}
        for name in STAGES
    ]


def seconds_of(platform_apply: float, stages: list[Stage], total: float) -> dict[str, float]:
    """Where the time went: Terraform (platform and endpoints), the model, who decides, and all that we add to them."""
    stage_seconds = {stage.name: stage.seconds for stage in stages}
    endpoint_applies = (float(stage.outputs.get("TERRAFORM_APPLY_SECONDS", 0)) for stage in stages)
    spent = {
        "terraform apply": platform_apply + sum(endpoint_applies),
        "training": stage_seconds.get("Train", 0.0),
        "evaluation": stage_seconds.get("Evaluate", 0.0),
        "approval": stage_seconds.get("Approve", 0.0),
    }
    return {what: round(seconds, 1) for what, seconds in {**spent, "all else": total - sum(spent.values())}.items()}


def release_record(laptop: Laptop, outputs: dict[str, str], stages: list[Stage]) -> dict[str, Any]:
    """What was measured, decided and is live, read from the endpoints and the registry."""
    variables = outputs_of(stages)
    package = variables.get("MODEL_PACKAGE_ARN")
    answer = ask(laptop, outputs["prod_endpoint_name"], SAMPLE_TEXT)
    staging = ask(laptop, outputs["staging_endpoint_name"], SAMPLE_TEXT)
    return {
        "model_package_arn": package,
        "metrics": package_metrics(laptop, package) if package else {},
        "gate": variables.get("GATE"),
        "staging": live(outputs["staging_endpoint_name"], staging),
        "prod": live(outputs["prod_endpoint_name"], answer),
        "answer": answer,
    }


def live(endpoint: str, answer: Answer | None) -> dict[str, str] | None:
    """Which package an endpoint answers by; None where it does not answer."""
    return {"endpoint": endpoint, "model_package_arn": answer["model"]} if answer else None


def ask(laptop: Laptop, endpoint: str, text: str) -> Answer | None:
    """An endpoint's answer to one text; None where no such endpoint is in service."""
    sagemaker: SageMakerClient = laptop.client("sagemaker")
    in_service = sagemaker.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    if endpoint not in {summary["EndpointName"] for summary in in_service}:
        return None
    return smoke.invoke(endpoint, {"text": text}, laptop.client("sagemaker-runtime"))


def package_metrics(laptop: Laptop, package_arn: str) -> Metrics:
    """The candidate's scores from its evaluation."""
    content = evaluation_file(laptop, package_arn, "evaluation.json")
    return read_evaluation(content, "evaluation.json")["candidate"]["metrics"]


def evaluation_file(laptop: Laptop, package_arn: str, name: str) -> bytes:
    """A file of the evaluation that the registry entry points to."""
    s3: S3Client = laptop.client("s3")
    uri = registry.evaluation_file_uri(registry.describe(package_arn, laptop.client("sagemaker")), name)
    content = objects.read_bytes(uri, s3)
    assert content is not None, f"{uri} is written before its package is registered"
    return content


def keep_report(laptop: Laptop, stages: list[Stage]) -> Path | None:
    """The candidate's report beside the record, for a browser: what is in the emulator's S3 ends with it.

    None where no candidate was evaluated.
    """
    path = laptop.directory / "report.html"
    package = outputs_of(stages).get("MODEL_PACKAGE_ARN")
    if package is None:
        path.unlink(missing_ok=True)
        return None
    write_whole(path, evaluation_file(laptop, package, "report.html"))
    return path


def write_record(laptop: Laptop, record: dict[str, Any]) -> None:
    """demo.json."""
    write_whole(laptop.directory / "demo.json", f"{json.dumps(record, indent=2)}\n".encode())
