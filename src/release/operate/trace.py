"""From a live endpoint, an answer or a package back to what made it: evaluation, training, dataset, rows, commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from contract.dataset.manifest import Manifest
from contract.evaluation.document import Evaluation
from contract.model.answer import Answer
from contract.model.policy import PolicyDocument
from release.aws.failure import is_not_found
from release.aws.live import read_live
from release.aws.s3 import read_bytes
from release.decision import registry
from release.decision.documents import read_evaluation, read_manifest, read_policy

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

SHOWN_METRICS = ("macro_average_precision", "macro_auroc", "macro_f1")
Content = TypeVar("Content")


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


@dataclass(frozen=True)
class Origin:
    """All that a package came from; what is not there, or can't be read, is None or empty."""

    package: Mapping[str, Any]
    """As the registry describes it."""
    evaluation: Evaluation | None
    policy: PolicyDocument | None
    job: Mapping[str, Any]
    """The training job as SageMaker describes it."""
    dataset_uri: str
    """s3:// prefix of the prepared dataset, with a final slash."""
    manifest: Manifest | None
    unreadable: tuple[str, ...] = ()
    """What is there and can't be read, and why."""

    @property
    def properties(self) -> Mapping[str, str]:
        """What the package says about where it comes from."""
        return registry.properties(self.package)

    @property
    def channels(self) -> dict[str, str]:
        """Channel of the training to its s3:// prefix."""
        return _channels(self.job)


def trace(
    session: boto3.Session,
    package_arn: str | None = None,
    endpoint_name: str | None = None,
    answer: Answer | None = None,
) -> Trace:
    """Walk back from a package, from what an endpoint runs now, or from an answer that it gave.

    Raises ValueError where the start is not there; what is missing further back is a fault of the trace.
    """
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    start: list[Link] = []
    if endpoint_name is not None:
        live = read_live(endpoint_name, sagemaker)
        if live is None or not live.package_arn:
            raise ValueError(f"endpoint {endpoint_name} runs no model package; nothing is released there yet")
        package_arn = live.package_arn
        start.append(Link("endpoint", endpoint_name, {"status": live.status, "config": live.config_name}))
    if answer is not None:
        package_arn = answer["model"]
        start.append(Link("answer", str(answer.get("id", "")), {"policy": answer.get("policy")}))

    if package_arn is None:
        raise ValueError("found neither package nor endpoint nor answer, expected one of them to start from")
    try:
        package = registry.describe(package_arn, sagemaker)
    except ClientError as error:
        if is_not_found(error):
            raise ValueError(f"model package {package_arn} does not exist in {sagemaker.meta.region_name}") from None
        raise
    return complete(start, read_origin(package, sagemaker, s3))


def read_origin(package: Mapping[str, Any], sagemaker: SageMakerClient, s3: S3Client) -> Origin:
    """Follow a described package to what it came from."""
    unreadable: list[str] = []

    def read(uri: str, reader: Callable[[bytes, str], Content]) -> Content | None:
        content = read_bytes(uri, s3) if uri else None
        if content is None:
            return None
        try:
            return reader(content, uri)
        except ValueError as error:
            unreadable.append(str(error))
            return None

    evaluation = read(registry.evaluation_file_uri(package, "evaluation.json"), read_evaluation)
    policy = read(registry.evaluation_file_uri(package, "policy.json"), read_policy)
    job = describe_training(registry.properties(package).get("training_job", ""), sagemaker)
    dataset_uri = _channels(job).get("train", "").removesuffix("/").removesuffix("train")
    manifest = read(f"{dataset_uri}manifest.json" if dataset_uri else "", read_manifest)
    return Origin(package, evaluation, policy, job, dataset_uri, manifest, tuple(unreadable))


def complete(start: Sequence[Link], origin: Origin) -> Trace:
    """The chain from a package on, with what `start` says before it. A pure function."""
    links = [
        *start,
        _package_link(origin),
        _policy_link(origin),
        _evaluation_link(origin),
        _training_link(origin),
        *_dataset_links(origin),
        _commit_link(origin),
    ]
    faults = [f"{link.name}: not found" for link in links if not link.identity]
    return Trace(tuple(links), (*faults, *origin.unreadable, *contradictions(links, origin)))


def contradictions(links: Sequence[Link], origin: Origin) -> list[str]:
    """Where two links say different things of the same. A pure function."""
    by_name = {link.name: link for link in links}
    properties, evaluation = origin.properties, origin.evaluation
    policies = {
        "the answer": by_name["answer"].details["policy"] if "answer" in by_name else None,
        "the package": properties.get("policy"),
        "policy.json": by_name["policy"].identity,
        "the evaluation": evaluation and evaluation["policy_id"],
    }
    versions = {
        "the package": properties.get("dataset_version"),
        "the evaluation": evaluation and evaluation["dataset_version"],
        "the training's input": by_name["dataset"].identity,
    }
    models = {
        "the package": properties.get("trained_model"),
        "the training job": origin.job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
    }

    faults = []
    for what, claims in (("policy", policies), ("dataset version", versions), ("trained model", models)):
        made = {who: claim for who, claim in claims.items() if claim}
        if len(set(made.values())) > 1:
            faults.append(f"{what}: " + ", ".join(f"{who} says {claim}" for who, claim in made.items()))
    return faults


def describe_training(name: str, sagemaker: SageMakerClient) -> Mapping[str, Any]:
    """The training job; empty where there is none of that name."""
    if not name:
        return {}
    try:
        return sagemaker.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        if is_not_found(error):
            return {}
        raise


def read_answer(path: Path) -> Answer:
    """An endpoint's answer from a file. Raises ValueError where it is none."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}; expected an answer, as `release invoke --json` prints it") from None
    if not isinstance(answer, dict) or not str(answer.get("model", "")).startswith("arn:"):
        raise ValueError(f"{path}: found no answer that names its model package; was it given by an endpoint?")
    whole: Any = answer
    return whole


def lines(chain: Trace) -> list[str]:
    """The trace for people. A pure function."""
    text = []
    for link in chain.links:
        text.append(f"{link.name:<11} {link.identity or 'NOT FOUND'}")
        for name, value in link.details.items():
            for each, content in value.items() if isinstance(value, Mapping) else [("", value)]:
                if content not in ("", None):
                    text.append(f"{'':<11}   {f'{name} {each}'.strip()}: {_plain(content)}")
    text += [f"FAULT       {fault}" for fault in chain.faults] or ["The chain is whole, and its links agree."]
    return text


def as_json(chain: Trace) -> str:
    """The trace for machines."""
    whole = {
        "links": [{"name": link.name, "identity": link.identity, "details": link.details} for link in chain.links],
        "faults": list(chain.faults),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _package_link(origin: Origin) -> Link:
    properties = origin.properties
    details = {
        "approval": origin.package.get("ModelApprovalStatus", ""),
        "gate": f"{properties.get('gate', 'unknown')} ({properties.get('gate_mode', 'unknown')})",
        "model": registry.model_data_uri(origin.package),
        "registered": str(origin.package.get("CreationTime", "")),
    }
    return Link("package", origin.package["ModelPackageArn"], details)


def _policy_link(origin: Origin) -> Link:
    if origin.policy is None:
        return Link("policy", "", {"labels": {}})
    return Link("policy", origin.policy["id"], {"labels": origin.policy["labels"]})


def _evaluation_link(origin: Origin) -> Link:
    metrics: Mapping[str, Any] = origin.evaluation["candidate"]["metrics"] if origin.evaluation else {}
    details = {
        "file": registry.evaluation_file_uri(origin.package, "evaluation.json"),
        "report": registry.evaluation_file_uri(origin.package, "report.html"),
        **{name: metrics.get(name) for name in SHOWN_METRICS},
    }
    return Link("evaluation", origin.properties.get("evaluation_job", "") if origin.evaluation else "", details)


def _training_link(origin: Origin) -> Link:
    job = origin.job
    hyperparameters = sorted(job.get("HyperParameters", {}).items())
    details = {
        "arn": job.get("TrainingJobArn", ""),
        "model": job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        "image": job.get("AlgorithmSpecification", {}).get("TrainingImage", ""),
        "base model": origin.channels.get("base_model", ""),
        "hyperparameters": {name: value for name, value in hyperparameters if not name.startswith("sagemaker_")},
    }
    return Link("training", job.get("TrainingJobName", ""), details)


def _dataset_links(origin: Origin) -> tuple[Link, Link]:
    manifest = origin.manifest
    if manifest is None:
        return Link("dataset", "", {"at": origin.dataset_uri, "source": ""}), Link("rows", "", {"sha256": {}})
    files = {name: digest for name, digest in manifest["files"].items() if name.endswith(".parquet")}
    rows = ", ".join(f"{split} {count}" for split, count in manifest["rows"].items())
    dataset = Link("dataset", manifest["dataset_version"], {"at": origin.dataset_uri, "source": manifest["source"]})
    return dataset, Link("rows", rows, {"sha256": files})


def _commit_link(origin: Origin) -> Link:
    # The training may have been adopted from an earlier commit with the same code, data and hyperparameters
    details = {
        "trained at": origin.job.get("Environment", {}).get("COMMIT_ID", ""),
        "code": origin.job.get("HyperParameters", {}).get("sagemaker_submit_directory", "").strip('"'),
    }
    return Link("commit", origin.properties.get("commit", ""), details)


def _channels(job: Mapping[str, Any]) -> dict[str, str]:
    return {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in job.get("InputDataConfig", [])
    }


def _plain(content: Any) -> str:
    if isinstance(content, Mapping):
        return ", ".join(f"{name} {_plain(value)}" for name, value in content.items())
    return f"{content:.4f}" if isinstance(content, float) else str(content)
