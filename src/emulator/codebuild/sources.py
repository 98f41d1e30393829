"""The sources of a build, brought from S3 into its directory, and the text of its buildspec."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from emulator.codebuild import archives
from emulator.codebuild.settings import Source


def fetch(s3: Any, source: Source, target: Path, scratch: Path) -> str | None:
    """Brings one source into `target`; returns its revision where it has one: a commit, or an object version."""
    if source.key.endswith("/"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key):
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    path = target / PurePosixPath(entry["Key"]).relative_to(PurePosixPath(source.key))
                    path.parent.mkdir(parents=True, exist_ok=True)
                    s3.download_file(source.bucket, entry["Key"], str(path))
        return None
    version = {"VersionId": source.version_id} if source.version_id else {}
    answer = s3.get_object(Bucket=source.bucket, Key=source.key, **version)
    archive = scratch / "source.zip"
    with archive.open("wb") as file:
        shutil.copyfileobj(answer["Body"], file)
    archives.unpack(archive, target)
    archive.unlink()
    # CodePipeline notes the commit at the archive that it stores.
    return answer["Metadata"].get("codepipeline-artifact-revision-id") or answer.get("VersionId")


def buildspec_text(s3: Any, given: str, source: Path) -> str:
    """The buildspec that `given` means: an S3 ARN, the text itself, or a file below `source`.

    Raises ValueError where there is no such file.
    """
    if given.startswith("arn:"):
        bucket, _, key = given.split(":::", 1)[1].partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    if is_inline(given):
        return given
    path = source / (given or "buildspec.yml")
    if not path.is_file():
        raise ValueError(f"the source has no file {given or 'buildspec.yml'}; expected the buildspec there")
    return path.read_text(encoding="utf-8")


def is_inline(text: str) -> bool:
    """Whether a project's `buildspec` is the specification itself, and no file name."""
    if "\n" not in text.strip() and not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return True  # broken, but no file name either: let the parser say what is wrong
