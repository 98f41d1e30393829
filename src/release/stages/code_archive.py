"""The code that runs in the containers: one archive for each door, whose name is the hash of its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contract.doors import DOORS, PACKED_DOORS
from release.aws.s3 import object_exists

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROJECT_FILE = "moderation.yaml"
REQUIREMENTS = "requirements.txt"
# They read moderation.yaml themselves; the training gets its hyperparameters as arguments
READ_THE_PROJECT_FILE = ("prepare.py", "shard.py", "evaluate.py")


@dataclass(frozen=True)
class CodeArchive:
    """The code of one door, before it is uploaded."""

    content: bytes
    """source.tar.gz, the same bytes for the same files on every machine."""
    sha256: str
    """Of the files' names and contents."""
    code_sha256: str
    """The same without moderation.yaml and the suite: what of those concerns a job has its own part in fingerprints."""
    suite_sha256: str
    """Of the further behaviour cases; empty without any."""


@dataclass(frozen=True)
class UploadedCode:
    """The code of one door in S3."""

    uri: str
    sha256: str
    code_sha256: str
    suite_sha256: str = ""


def upload_code(
    door: str, bucket: str, s3: S3Client, suite: str | None = None, source: Path = Path("src")
) -> UploadedCode:
    """Collect, pack and upload the code of a door of this checkout, with the cases that moderation.yaml names."""
    files = collect_files(door, source, Path(PROJECT_FILE), suite)
    return upload_archive(build_archive(files, suite), bucket, s3)


def collect_files(door: str, source: Path, project_file: Path, suite: str | None = None) -> dict[str, bytes]:
    """Name in the archive to content: the door, requirements.txt, the folders that it imports, moderation.yaml.

    suite: path of further behaviour cases, from where moderation.yaml lies; they keep their place beside it.
    """
    doors = (door, *PACKED_DOORS.get(door, ()))
    paths = {name: source / name for name in (*doors, REQUIREMENTS)}
    for folder in sorted({folder for each in doors for folder in DOORS[each]}):
        paths |= _folder_files(source, folder)

    if door in READ_THE_PROJECT_FILE:
        paths[PROJECT_FILE] = project_file
    if suite is not None:
        if suite in paths:
            raise ValueError(f"evaluation.behaviour: found {suite!r}, where code of ours goes; expected another path")
        paths[suite] = project_file.parent / suite

    missing = [str(path) for path in paths.values() if not path.is_file()]
    if missing:
        raise ValueError(
            f"the code of {door} is incomplete, missing: {', '.join(missing)}; run from the repository's root"
        )
    return {name: path.read_bytes() for name, path in paths.items()}


def build_archive(files: Mapping[str, bytes], suite: str | None = None) -> CodeArchive:
    """Pack files reproducibly: sorted, no owner, no time, no machine; suite: the name of the behaviour cases."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return CodeArchive(
        content=gzip.compress(tar_bytes.getvalue(), mtime=0),
        sha256=_content_sha256(files),
        code_sha256=_content_sha256({name: files[name] for name in files if name not in (PROJECT_FILE, suite)}),
        suite_sha256="" if suite is None else _content_sha256({suite: files[suite]}),
    )


def upload_archive(archive: CodeArchive, bucket: str, s3: S3Client) -> UploadedCode:
    """Put the archive to code/<sha256>/source.tar.gz, once: the same code is the same object."""
    key = f"code/{archive.sha256}/source.tar.gz"
    uploaded = UploadedCode(f"s3://{bucket}/{key}", archive.sha256, archive.code_sha256, archive.suite_sha256)
    if not object_exists(uploaded.uri, s3):
        s3.put_object(Bucket=bucket, Key=key, Body=archive.content)
    return uploaded


def _folder_files(source: Path, folder: str) -> dict[str, Path]:
    """The files of one folder, not of those below it, and what makes the folders above it packages."""
    above = [parent / "__init__.py" for parent in Path(folder).parents if parent != Path(".")]
    own = [path.relative_to(source) for path in sorted((source / folder).glob("*")) if path.is_file()]
    if not own:
        return {f"{folder}/": source / folder}  # reported as missing
    return {path.as_posix(): source / path for path in (*above, *own)}


def _content_sha256(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return digest.hexdigest()
