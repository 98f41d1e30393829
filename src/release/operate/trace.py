"""From a live endpoint, an answer or a package back to what made it: evaluation, training, dataset, rows, commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found
from release.aws.live import read_live
from release.aws.s3 import read_json
from release.decision import registry


@dataclass(frozen=True)
class Link:
    """One link of the chain."""

    name: str
    """`endpoint`, `package`, `policy`, `evaluation`, `training`, `dataset`, `rows` or `commit`."""
    identity: str
    """Its name, ARN or S3 address; empty where the chain breaks here."""
    details: Mapping[str, Any]
    """What it says about itself, for people and machines."""


@dataclass(frozen=True)
class Trace:
    """The chain, from what answered to what it was made of."""

    links: tuple[Link, ...]
    faults: tuple[str, ...]
    """Where the chain breaks or two links contradict each other; empty for one that can be trusted."""


def trace(
    session, package_arn: str | None = None, endpoint_name: str | None = None, answer: Mapping[str, Any] | None = None
) -> Trace:
    """Walk back from a package, from what an endpoint runs now, or from an answer that it gave.

    Raises ValueError where the start is not there; what is missing further back is a fault of the trace.
    """
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    links: list[Link] = []
    if endpoint_name is not None:
        live = read_live(endpoint_name, sagemaker)
        if live is None or not live.package_arn:
            raise ValueError(f"endpoint {endpoint_name} runs no model package; nothing is released there yet")
        package_arn = live.package_arn
        links.append(Link("endpoint", endpoint_name, {"status": live.status, "config": live.config_name}))
    if answer is not None:
        package_arn = answer.get("model")
        links.append(Link("answer", str(answer.get("id", "")), {"policy": answer.get("policy")}))
    try:
        package = registry.describe(package_arn, sagemaker)
    except ClientError as error:
        if is_not_found(error):
            raise ValueError(f"model package {package_arn} does not exist in {sagemaker.meta.region_name}") from None
        raise
    return complete(links, package, sagemaker, s3)


def complete(links: Sequence[Link], package: Mapping[str, Any], sagemaker, s3) -> Trace:
    """The chain from a described package on, with what `links` says before it."""
    found, faults = list(links), []
    said = registry.properties(package)
    found.append(
        Link(
            "package",
            package["ModelPackageArn"],
            {
                "approval": package.get("ModelApprovalStatus", ""),
                "gate": f"{said.get('gate', 'unknown')} ({said.get('gate_mode', 'unknown')})",
                "model": registry.model_data_uri(package),
                "registered": str(package.get("CreationTime", "")),
            },
        )
    )
    quality = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
    evaluation = read_json_at(quality, s3) or {}
    policy = read_json_at(quality.replace("evaluation.json", "policy.json"), s3) or {}
    found.append(Link("policy", policy.get("id", ""), {"labels": policy.get("labels", {})}))
    found.append(
        Link(
            "evaluation",
            said.get("evaluation_job", "") if evaluation else "",
            {
                "file": quality,
                "report": quality.replace("evaluation.json", "report.html"),
                **{
                    name: evaluation.get("candidate", {}).get("metrics", {}).get(name)
                    for name in ("macro_average_precision", "macro_auroc", "macro_f1")
                },
            },
        )
    )
    job = describe_training(said.get("training_job", ""), sagemaker)
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in job.get("InputDataConfig", [])
    }
    found.append(
        Link(
            "training",
            job.get("TrainingJobName", ""),
            {
                "arn": job.get("TrainingJobArn", ""),
                "model": job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
                "image": job.get("AlgorithmSpecification", {}).get("TrainingImage", ""),
                "base model": channels.get("base_model", ""),
                "hyperparameters": {
                    name: value
                    for name, value in sorted(job.get("HyperParameters", {}).items())
                    if not name.startswith("sagemaker_")
                },
            },
        )
    )
    dataset = channels.get("train", "").removesuffix("/").removesuffix("train")
    manifest = (read_json_at(f"{dataset}manifest.json", s3) or {}) if dataset else {}
    found.append(
        Link("dataset", manifest.get("dataset_version", ""), {"at": dataset, "source": manifest.get("source", "")})
    )
    files = {name: digest for name, digest in manifest.get("files", {}).items() if name.endswith(".parquet")}
    rows = manifest.get("rows", {})
    found.append(Link("rows", ", ".join(f"{split} {count}" for split, count in rows.items()), {"sha256": files}))
    # The training may have been adopted from an earlier commit with the same code, data and hyperparameters
    found.append(
        Link(
            "commit",
            said.get("commit", ""),
            {
                "trained at": job.get("Environment", {}).get("COMMIT_ID", ""),
                "code": job.get("HyperParameters", {}).get("sagemaker_submit_directory", "").strip('"'),
            },
        )
    )
    faults += [f"{link.name}: not found" for link in found if not link.identity]
    faults += contradictions(found, said, evaluation, job)
    return Trace(tuple(found), tuple(faults))


def contradictions(
    links: Sequence[Link], said: Mapping[str, str], evaluation: Mapping[str, Any], job: Mapping[str, Any]
) -> list[str]:
    """Where two links say different things of the same. A pure function."""
    by_name = {link.name: link for link in links}
    policies = {
        "the answer": by_name["answer"].details["policy"] if "answer" in by_name else None,
        "the package": said.get("policy"),
        "policy.json": by_name["policy"].identity,
        "the evaluation": evaluation.get("policy_id"),
    }
    versions = {
        "the package": said.get("dataset_version"),
        "the evaluation": evaluation.get("dataset_version"),
        "the training's input": by_name["dataset"].identity,
    }
    models = {
        "the package": said.get("trained_model"),
        "the training job": job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
    }
    faults = []
    for what, claims in (("policy", policies), ("dataset version", versions), ("trained model", models)):
        known = {who: claim for who, claim in claims.items() if claim}
        if len(set(known.values())) > 1:
            told = ", ".join(f"{who} says {claim}" for who, claim in known.items())
            faults.append(f"{what}: {told}")
    return faults


def describe_training(name: str, sagemaker) -> Mapping[str, Any]:
    """The training job; empty where there is none of that name."""
    if not name:
        return {}
    try:
        return sagemaker.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        if is_not_found(error):
            return {}
        raise


def read_json_at(uri: str, s3) -> dict[str, Any] | None:
    """A JSON object in S3; None where it is not there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return read_json(bucket, key, s3) if key else None


def read_answer(path: Path) -> dict[str, Any]:
    """An endpoint's answer from a file. Raises ValueError where it is none."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}; expected an answer, as `release invoke --json` prints it") from None
    if not isinstance(answer, dict) or not str(answer.get("model", "")).startswith("arn:"):
        raise ValueError(f"{path}: found no answer that names its model package; was it given by an endpoint?")
    return answer


def lines(found: Trace) -> list[str]:
    """The trace for people. A pure function."""
    told = []
    for link in found.links:
        told.append(f"{link.name:<11} {link.identity or 'NOT FOUND'}")
        for name, value in link.details.items():
            for each, content in value.items() if isinstance(value, Mapping) else [("", value)]:
                if content not in ("", None):
                    told.append(f"{'':<11}   {f'{name} {each}'.strip()}: {_plain(content)}")
    told += [f"FAULT       {fault}" for fault in found.faults] or ["The chain is whole, and its links agree."]
    return told


def _plain(content: Any) -> str:
    if isinstance(content, Mapping):
        return ", ".join(f"{name} {_plain(value)}" for name, value in content.items())
    return f"{content:.4f}" if isinstance(content, float) else str(content)


def as_json(found: Trace) -> str:
    """The trace for machines."""
    whole = {
        "links": [{"name": link.name, "identity": link.identity, "details": link.details} for link in found.links],
        "faults": list(found.faults),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)
