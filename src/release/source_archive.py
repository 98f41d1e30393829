"""The code that runs in the containers, as one archive whose name is the hash of its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

# An explicit list: whatever else lies in src/ (the release side, the emulator, caches) never ships
DOORS = ("prepare.py", "shard.py", "train.py", "evaluate.py", "inference.py")
PROJECT_FILE = "moderation.yaml"


@dataclass(frozen=True)
class SourceArchive:
    """What ships, before it is uploaded."""

    content: bytes
    """source.tar.gz, the same bytes for the same files on every machine."""
    sha256: str
    """Of the files' names and contents."""
    code_sha256: str
    """The same without moderation.yaml and the suite: a change of gate, policy or cases must not train again."""
    suite_sha256: str
    """Of the further functional cases; empty without any."""


@dataclass(frozen=True)
class UploadedArchive:
    """What ships, in S3."""

    uri: str
    sha256: str
    code_sha256: str
    suite_sha256: str = ""


def collect_files(source_directory: Path, project_file: Path, suite: str | None = None) -> dict[str, bytes]:
    """Name in the archive to content: the doors, requirements.txt, moderation/**, moderation.yaml.

    suite: path of further functional cases, from where moderation.yaml lies; they keep their place beside it.
    """
    paths = {name: source_directory / name for name in (*DOORS, "requirements.txt")}
    package = source_directory / "moderation"
    paths |= {
        path.relative_to(source_directory).as_posix(): path
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    paths[PROJECT_FILE] = project_file
    if suite is not None:
        if suite in paths:
            raise ValueError(f"evaluation.behaviour: found {suite!r}, where code of ours goes; expected another path")
        paths[suite] = project_file.parent / suite
    missing = [str(path) for path in paths.values() if not path.is_file()]
    if missing or not any(name.startswith("moderation/") for name in paths):
        raise ValueError(
            f"the code to ship is incomplete, missing: {', '.join(missing) or package}; run from the repository's root"
        )
    return {name: path.read_bytes() for name, path in paths.items()}


def build_archive(files: Mapping[str, bytes], suite: str | None = None) -> SourceArchive:
    """Pack files reproducibly: sorted, no owner, no time, no machine; suite: the name of the functional cases."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return SourceArchive(
        content=gzip.compress(tar_bytes.getvalue(), mtime=0),
        sha256=_content_sha256(files),
        code_sha256=_content_sha256({name: files[name] for name in files if name not in (PROJECT_FILE, suite)}),
        suite_sha256="" if suite is None else _content_sha256({suite: files[suite]}),
    )


def _content_sha256(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return digest.hexdigest()


def upload_archive(archive: SourceArchive, bucket: str, s3) -> UploadedArchive:
    """Put the archive to code/<sha256>/source.tar.gz, once: the same code is the same object."""
    key = f"code/{archive.sha256}/source.tar.gz"
    uploaded = UploadedArchive(f"s3://{bucket}/{key}", archive.sha256, archive.code_sha256, archive.suite_sha256)
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=archive.content)
    return uploaded


def ship(bucket: str, s3, suite: str | None, source_directory: Path = Path("src")) -> UploadedArchive:
    """Collect, pack and upload the code of this checkout, with the functional cases that moderation.yaml names."""
    files = collect_files(source_directory, Path(PROJECT_FILE), suite)
    return upload_archive(build_archive(files, suite), bucket, s3)
