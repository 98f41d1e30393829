"""The Prepare stage: the processing jobs that make a dataset, and its publication, checked and complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from contract.data.section import DEFAULT_SOURCE
from contract.dataset.manifest import MANIFEST_FILE, Manifest
from release.aws import jobs
from release.aws.naming import fingerprint
from release.aws.s3 import list_objects, object_exists, read_bytes, read_json
from release.decision.documents import read_manifest
from release.stages.code_archive import UploadedCode
from release.stages.processing import ROOT, ProcessingJob, processing_request
from release.stages.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHARD_MARKER = "shard.json"
# They say where rows came from, too, and may differ where the rows are the same
REPORTS = {"data_report.json", "data_report.html"}


@dataclass(frozen=True)
class Dataset:
    """A published dataset."""

    version: str
    rows: Mapping[str, int]
    """Split to its rows."""

    @property
    def rows_in_words(self) -> str:
        """`train 2800, validation 310, test 1030`."""
        return ", ".join(f"{split} {count}" for split, count in self.rows.items())


@dataclass(frozen=True)
class Preparation:
    """The jobs that make a dataset."""

    dataset_job: str
    """Writes the dataset."""
    shards_job: str | None
    """Reads the raw files on several instances, and has to end before the other starts; None: the other has started."""


def start(run: Run, prepare_code: UploadedCode, shard_code: UploadedCode) -> Preparation:
    """Start the first processing job, or find the one that already works or worked on the same.

    The dataset published last is an input, so that rows keep their splits, and no part of the fingerprint: the same
    data finds its finished job, whatever was published since. No more is the number of instances, which changes no row.
    """
    platform, bucket, source = run.platform, run.platform.data_bucket, run.project.data.source
    from_hub = source.startswith("hub:")
    objects = [] if from_hub else raw_objects(bucket, source, run.s3)

    if not objects and not from_hub and source != DEFAULT_SOURCE:
        raise ValueError(
            f"data.source: found no object below s3://{bucket}/{source}, expected data files there; correct the prefix "
            f"(case counts), or upload the files. Only an empty {DEFAULT_SOURCE} gives the demonstration set"
        )

    dataset = find_attempt(run, "prepare", objects, prepare_code, dataset_is_there)
    if dataset.adopted:
        return Preparation(dataset.name, None)

    # SageMaker refuses an input without objects; without raw ones the job makes its own data
    raw = {"raw": f"s3://{bucket}/{source}"} if objects else {}
    # Without an object of its own, an instance would be paid for nothing
    instance_count = min(platform.processing_instance_count, len(objects))
    if instance_count <= 1:
        job = _dataset_job(run, dataset.name, raw, hub_offline=not from_hub)
        run.sagemaker.create_processing_job(**processing_request(run, prepare_code, job))
        return Preparation(dataset.name, None)

    shards = find_attempt(run, "prepare-shards", objects, shard_code, shards_are_there)
    if not shards.adopted:
        job = _shards_job(run, shards.name, raw, instance_count)
        run.sagemaker.create_processing_job(**processing_request(run, shard_code, job))
    return Preparation(dataset.name, shards.name)


def finish(run: Run, prepare_code: UploadedCode, preparation: Preparation) -> Dataset:
    """Wait for the jobs, starting the second one where there are two, and publish what they made."""
    bucket = run.platform.data_bucket
    if preparation.shards_job:
        jobs.wait(jobs.PROCESSING, preparation.shards_job, run.session, show=run.show)
        shards = {"shards": f"s3://{bucket}/{shards_prefix(preparation.shards_job)}"}
        job = _dataset_job(run, preparation.dataset_job, shards)
        run.sagemaker.create_processing_job(**processing_request(run, prepare_code, job))
    jobs.wait(jobs.PROCESSING, preparation.dataset_job, run.session, show=run.show)
    return publish(bucket, output_prefix(preparation.dataset_job), run.s3, run.show)


def find_attempt(
    run: Run,
    stage: str,
    objects: list[dict[str, Any]],
    code: UploadedCode,
    has_output: Callable[[str, str, S3Client], bool],
) -> jobs.Attempt:
    """The job of this kind that works or worked on these raw objects with these settings, or the name of a new one."""
    platform, settings = run.platform, asdict(run.project.data)
    key = fingerprint(stage, objects, settings, code.code_sha256, platform.processing_image_uri)
    return jobs.find_attempt(
        jobs.PROCESSING,
        jobs.attempt_names(platform.project_name, stage, key),
        has_output=lambda name: has_output(platform.data_bucket, name, run.s3),
        sagemaker=run.sagemaker,
    )


def raw_objects(bucket: str, prefix: str, s3: S3Client) -> list[dict[str, Any]]:
    """Key, ETag and size of every object users uploaded; a folder's empty marker object is none."""
    return [
        {"key": entry["Key"], "etag": entry["ETag"], "bytes": entry["Size"]}
        for entry in list_objects(f"s3://{bucket}/{prefix}", s3)
        if not entry["Key"].endswith("/")
    ]


def publish(bucket: str, source_prefix: str, s3: S3Client, show: Callable[[str], None] = print) -> Dataset:
    """Check every file of a job's output against its manifest and copy it to prepared/<version>/, manifest last.

    A version that is already there with the same files is left as it is.
    """
    body = s3.get_object(Bucket=bucket, Key=source_prefix + MANIFEST_FILE)["Body"].read()
    manifest = read_manifest(body, f"s3://{bucket}/{source_prefix}{MANIFEST_FILE}")
    dataset = Dataset(manifest["dataset_version"], manifest["rows"])
    target_prefix = f"prepared/{dataset.version}/"

    target_manifest = f"s3://{bucket}/{target_prefix}{MANIFEST_FILE}"
    published = read_bytes(target_manifest, s3)
    if published is not None:
        if _rows_files(read_manifest(published, target_manifest)) != _rows_files(manifest):
            raise ValueError(
                f"dataset {dataset.version} is already published with other files; its version must depend on its "
                f"content: look at dataset_version in {target_manifest}"
            )
        show(f"dataset {dataset.version} is already published")
        return dataset

    for name, expected in sorted(manifest["files"].items()):
        _copy_checked(bucket, source_prefix + name, target_prefix + name, expected, s3)
    s3.put_object(Bucket=bucket, Key=target_prefix + MANIFEST_FILE, Body=body, ContentType="application/json")
    show(f"dataset {dataset.version} published: {dataset.rows_in_words}")
    return dataset


def latest_dataset(bucket: str, s3: S3Client) -> str | None:
    """Version of the dataset that was published last, or None before the first one."""
    manifests = [
        (entry["LastModified"], entry["Key"])
        for entry in list_objects(f"s3://{bucket}/prepared/", s3)
        if re.fullmatch(rf"prepared/[^/]+/{MANIFEST_FILE}", entry["Key"])
    ]
    return max(manifests)[1].split("/")[1] if manifests else None


def output_prefix(job_name: str) -> str:
    """Where a job's output lies before it is checked and published; nothing reads datasets from here."""
    return f"prepared/_jobs/{job_name}/"


def shards_prefix(job_name: str) -> str:
    """Where the shards of a job lie, each below the name of its instance."""
    return f"{output_prefix(job_name)}shards/"


def dataset_is_there(bucket: str, job_name: str, s3: S3Client) -> bool:
    """Whether a job has left the file that it writes last."""
    return object_exists(f"s3://{bucket}/{output_prefix(job_name)}{MANIFEST_FILE}", s3)


def shards_are_there(bucket: str, job_name: str, s3: S3Client) -> bool:
    """Whether each instance has left the marker that it writes last; that of the first one names all of them."""
    prefix = f"s3://{bucket}/{shards_prefix(job_name)}"
    first = read_json(f"{prefix}algo-1/{SHARD_MARKER}", s3)
    return first is not None and all(object_exists(f"{prefix}{host}/{SHARD_MARKER}", s3) for host in first["hosts"])


def _shards_job(run: Run, name: str, raw: Mapping[str, str], instance_count: int) -> ProcessingJob:
    return ProcessingJob(
        name,
        arguments=(
            "shard.py",
            *("--config", "moderation.yaml"),
            *("--input", f"{ROOT}/input/raw"),
            *("--output", f"{ROOT}/output/shards"),
        ),
        inputs=raw,
        output_name="shards",
        output_uri=f"s3://{run.platform.data_bucket}/{shards_prefix(name)}",
        instance_count=instance_count,
        sharded_inputs={"raw"},
    )


def _dataset_job(run: Run, name: str, rows: Mapping[str, str], hub_offline: bool = True) -> ProcessingJob:
    """`rows` is where they come from: the input `raw`, the input `shards`, or nothing."""
    bucket = run.platform.data_bucket
    previous = latest_dataset(bucket, run.s3)
    inputs = {"previous": f"s3://{bucket}/prepared/{previous}/"} if previous else {}
    return ProcessingJob(
        name,
        arguments=(
            "prepare.py",
            *("--config", "moderation.yaml"),
            *(("--shards", f"{ROOT}/input/shards") if "shards" in rows else ("--input", f"{ROOT}/input/raw")),
            *("--output", f"{ROOT}/output/dataset"),
            *(("--previous", f"{ROOT}/input/previous") if previous else ()),
        ),
        inputs={**rows, **inputs},
        output_name="dataset",
        output_uri=f"s3://{bucket}/{output_prefix(name)}",
        hub_offline=hub_offline,
    )


def _copy_checked(bucket: str, source: str, target: str, expected_sha256: str, s3: S3Client) -> None:
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=source)["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
    if digest.hexdigest() != expected_sha256:
        raise ValueError(
            f"s3://{bucket}/{source} has sha256 {digest.hexdigest()}, its manifest says {expected_sha256}; "
            "the upload is damaged: retry the stage"
        )
    s3.copy({"Bucket": bucket, "Key": source}, bucket, target)


def _rows_files(manifest: Manifest) -> dict[str, str]:
    return {name: digest for name, digest in manifest["files"].items() if name not in REPORTS}
