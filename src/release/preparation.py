"""The Prepare stage: the processing job that makes a dataset, and its publication, checked and complete."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from release import jobs
from release.config import Platform, Project
from release.naming import fingerprint
from release.processing import ROOT, processing_request
from release.source_archive import UploadedArchive

MANIFEST = "manifest.json"
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
    if jobs.object_exists(f"s3://{bucket}/{target_prefix}{MANIFEST}", s3):
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


def start(platform: Platform, project: Project, archive: UploadedArchive, commit_id: str, session) -> str:
    """Start the processing job, or find the one that already works or worked on the same; returns its name.

    The dataset published last is an input, so that rows keep their splits, and no part of the fingerprint: the same
    data finds its finished job, whatever was published since.
    """
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    source = str(project.data.get("source", "raw/"))
    from_hub = source.startswith("hub:")
    objects = [] if from_hub else raw_objects(platform.data_bucket, source, s3)
    attempt = jobs.choose_attempt(
        jobs.attempt_names(
            platform.project_name,
            "prepare",
            fingerprint("prepare", objects, dict(project.data), archive.code_sha256, platform.processing_image_uri),
        ),
        status_of=lambda name: getattr(jobs.describe(jobs.PROCESSING, name, sagemaker), "status", None),
        has_output=lambda name: jobs.object_exists(f"s3://{platform.data_bucket}/{output_prefix(name)}{MANIFEST}", s3),
    )
    if not attempt.adopted:
        # SageMaker refuses an input without objects; without raw ones the job makes its own data
        inputs = {"raw": f"s3://{platform.data_bucket}/{source}"} if objects else {}
        previous = latest_dataset(platform.data_bucket, s3)
        if previous:
            inputs["previous"] = f"s3://{platform.data_bucket}/prepared/{previous}/"
        sagemaker.create_processing_job(
            **processing_request(
                attempt.name,
                platform,
                archive,
                commit_id,
                arguments=[
                    "prepare.py",
                    *("--config", "moderation.yaml"),
                    *("--input", f"{ROOT}/input/raw"),
                    *("--output", f"{ROOT}/output/dataset"),
                    *(("--previous", f"{ROOT}/input/previous") if previous else ()),
                ],
                inputs=inputs,
                output_name="dataset",
                output_uri=f"s3://{platform.data_bucket}/{output_prefix(attempt.name)}",
                hub_offline=not from_hub,
            )
        )
    return attempt.name


def output_prefix(job_name: str) -> str:
    """Where a job's output lies before it is checked and published; nothing reads datasets from here."""
    return f"prepared/_jobs/{job_name}/"


def finish(job_name: str, platform: Platform, session, show: Callable[[str], None] = print) -> Dataset:
    """Wait for the job and publish what it made."""
    jobs.wait(jobs.PROCESSING, job_name, session, show=show)
    return publish(platform.data_bucket, output_prefix(job_name), session.client("s3"), show)
