"""The Prepare stage: the processing jobs that make a dataset, and its publication, checked and complete."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from contract.data.section import DEFAULT_SOURCE
from release.aws import jobs
from release.aws.naming import fingerprint
from release.aws.s3 import object_exists, read_json
from release.stages.code_archive import UploadedCode
from release.stages.processing import ROOT, ProcessingJob, processing_request
from release.stages.run import Run

MANIFEST = "manifest.json"
SHARD_MARKER = "shard.json"
# They say where rows came from, too, and may differ where the rows are the same
REPORTS = {"data_report.json", "data_report.html"}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


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


def raw_objects(bucket: str, prefix: str, s3) -> list[dict[str, Any]]:
    """Key, ETag and size of every object users uploaded; a folder's empty marker object is none."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [
        {"key": entry["Key"], "etag": entry["ETag"], "bytes": entry["Size"]}
        for page in pages
        for entry in page.get("Contents", [])
        if not entry["Key"].endswith("/")
    ]


def check_manifest(manifest: Any, where: str) -> Dataset:
    """The dataset a manifest speaks of; ValueError where the manifest does not keep the contract."""
    if not isinstance(manifest, dict):
        raise ValueError(f"{where}: found {type(manifest).__name__}; expected an object")
    version, rows, files = (manifest.get(key) for key in ("dataset_version", "rows", "files"))
    if not isinstance(version, str) or not _VERSION.match(version):
        raise ValueError(f"{where}: dataset_version is {version!r}; expected letters, digits, '.', '_' and '-'")
    if not isinstance(rows, dict) or set(rows) != {"train", "validation", "test"}:
        raise ValueError(f"{where}: rows is {rows!r}; expected a count for each of train, validation and test")
    if not isinstance(files, dict) or not files:
        raise ValueError(f"{where}: files is {files!r}; expected each file's path and sha256")
    return Dataset(version=version, rows=rows)


def publish(bucket: str, source_prefix: str, s3, show: Callable[[str], None] = print) -> Dataset:
    """Check every file of a job's output against its manifest and copy it to prepared/<version>/, manifest last.

    A version that is already there with the same files is left as it is.
    """
    body = s3.get_object(Bucket=bucket, Key=source_prefix + MANIFEST)["Body"].read()
    manifest = json.loads(body)
    dataset = check_manifest(manifest, f"s3://{bucket}/{source_prefix}{MANIFEST}")
    target_prefix = f"prepared/{dataset.version}/"
    if object_exists(f"s3://{bucket}/{target_prefix}{MANIFEST}", s3):
        published = json.loads(s3.get_object(Bucket=bucket, Key=target_prefix + MANIFEST)["Body"].read())
        if _rows_files(published) != _rows_files(manifest):
            raise ValueError(
                f"dataset {dataset.version} is already published with other files; its version must depend on its "
                f"content: look at dataset_version in s3://{bucket}/{target_prefix}{MANIFEST}"
            )
        show(f"dataset {dataset.version} is already published")
        return dataset
    for name, expected in sorted(manifest["files"].items()):
        found = _sha256(bucket, source_prefix + name, s3)
        if found != expected:
            raise ValueError(
                f"s3://{bucket}/{source_prefix}{name} has sha256 {found}, its manifest says {expected}; "
                "the upload is damaged: retry the stage"
            )
        s3.copy({"Bucket": bucket, "Key": source_prefix + name}, bucket, target_prefix + name)
    s3.put_object(Bucket=bucket, Key=target_prefix + MANIFEST, Body=body, ContentType="application/json")
    show(f"dataset {dataset.version} published: {dataset.rows_in_words}")
    return dataset


def _rows_files(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {name: digest for name, digest in manifest["files"].items() if name not in REPORTS}


def latest_dataset(bucket: str, s3) -> str | None:
    """Version of the dataset that was published last, or None before the first one."""
    manifests = [
        (entry["LastModified"], entry["Key"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="prepared/")
        for entry in page.get("Contents", [])
        if re.fullmatch(rf"prepared/[^/]+/{MANIFEST}", entry["Key"])
    ]
    return max(manifests)[1].split("/")[1] if manifests else None


def _sha256(bucket: str, key: str, s3) -> str:
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


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
    platform, s3, sagemaker = run.platform, run.s3, run.sagemaker
    bucket, source = platform.data_bucket, run.project.data.source
    from_hub = source.startswith("hub:")
    objects = [] if from_hub else raw_objects(bucket, source, s3)

    if not objects and not from_hub and source != DEFAULT_SOURCE:
        raise ValueError(
            f"data.source: found no object below s3://{bucket}/{source}, expected data files there; correct the prefix "
            f"(case counts), or upload the files. Only an empty {DEFAULT_SOURCE} gives the demonstration set"
        )

    def choose(stage: str, code: UploadedCode, has_output: Callable[[str], bool]) -> jobs.Attempt:
        key = fingerprint(stage, objects, asdict(run.project.data), code.code_sha256, platform.processing_image_uri)
        return jobs.choose_attempt(
            jobs.attempt_names(platform.project_name, stage, key),
            status_of=lambda name: getattr(jobs.describe(jobs.PROCESSING, name, sagemaker), "status", None),
            has_output=has_output,
        )

    dataset = choose(
        "prepare", prepare_code, lambda name: object_exists(f"s3://{bucket}/{output_prefix(name)}{MANIFEST}", s3)
    )
    if dataset.adopted:
        return Preparation(dataset.name, None)

    # SageMaker refuses an input without objects; without raw ones the job makes its own data
    raw = {"raw": f"s3://{bucket}/{source}"} if objects else {}
    # Without an object of its own, an instance would be paid for nothing
    instance_count = min(platform.processing_instance_count, len(objects))
    if instance_count <= 1:
        job = _dataset_job(run, dataset.name, raw, hub_offline=not from_hub)
        sagemaker.create_processing_job(**processing_request(run, prepare_code, job))
        return Preparation(dataset.name, None)

    shards = choose("prepare-shards", shard_code, lambda name: shards_are_there(bucket, shards_prefix(name), s3))
    if not shards.adopted:
        job = _shards_job(run, shards.name, raw, instance_count)
        sagemaker.create_processing_job(**processing_request(run, shard_code, job))
    return Preparation(dataset.name, shards.name)


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


def output_prefix(job_name: str) -> str:
    """Where a job's output lies before it is checked and published; nothing reads datasets from here."""
    return f"prepared/_jobs/{job_name}/"


def shards_prefix(job_name: str) -> str:
    """Where the shards of a job lie, each below the name of its instance."""
    return f"{output_prefix(job_name)}shards/"


def shards_are_there(bucket: str, prefix: str, s3) -> bool:
    """Whether each instance has left the marker that it writes last; that of the first one names all of them."""
    first = read_json(bucket, f"{prefix}algo-1/{SHARD_MARKER}", s3)
    return first is not None and all(
        object_exists(f"s3://{bucket}/{prefix}{host}/{SHARD_MARKER}", s3) for host in first["hosts"]
    )


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
