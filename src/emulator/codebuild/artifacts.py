"""The artifacts of a build: which files they are, and their way to S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.codebuild import archives
from emulator.codebuild.buildspec import Artifact, Buildspec
from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import FAILED, SUCCEEDED, PhaseEnd
from emulator.codebuild.settings import Target


class Artifacts:
    """Uploads the outputs of one build with the rights of the build."""

    def __init__(self, client: Callable[[str], Any], source: Path, scratch: Path, log: BuildLog):
        self._client = client
        self._source = source
        self._scratch = scratch
        self._log = log

    def upload(self, targets: tuple[Target, ...], spec: Buildspec, build_status: str) -> None:
        """Uploads what the targets want. Raises PhaseEnd where a build that succeeded has not made it."""
        for target in targets:
            secondary = target.identifier is not None
            artifact = spec.secondary_artifacts.get(target.identifier or "") if secondary else spec.artifacts
            what = f"secondary artifacts {target.identifier}" if secondary else "artifacts"
            files = matching_files(artifact, self._source) if artifact else {}
            if artifact is not None and files:
                self._log.say(f"Found {len(files)} files for the {what}")
                self._upload(target, artifact, files)
            elif build_status == SUCCEEDED:
                raise PhaseEnd(FAILED, "CLIENT_ERROR", nothing_to_upload(what, artifact))

    def _upload(self, target: Target, artifact: Artifact, files: dict[str, Path]) -> None:
        name = artifact.name if target.name_from_buildspec and artifact.name else target.name
        key = "/".join(filter(None, [target.path.strip("/"), name.strip("/")]))
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key_id} if target.kms_key_id else {}
        s3 = self._client("s3")
        if target.packaging == "ZIP":
            archive = self._scratch / "artifact.zip"
            archives.pack(files, archive)
            s3.upload_file(str(archive), target.bucket, key, ExtraArgs=encryption)
            archive.unlink()
        else:
            for file_name, path in files.items():
                s3.upload_file(str(path), target.bucket, f"{key}/{file_name}", ExtraArgs=encryption)


def nothing_to_upload(what: str, artifact: Artifact | None) -> str:
    """Why there is nothing to upload."""
    if artifact is None:
        return f"the buildspec has no definition of the {what} to upload"
    return f"no matching artifact paths found for the {what}: {', '.join(artifact.files)} in {artifact.base_directory}"


def matching_files(artifact: Artifact, source: Path) -> dict[str, Path]:
    """The files of an artifact by their names in it; directories count through the files in them."""
    base = source / artifact.base_directory
    excluded = {path for pattern in artifact.exclude_paths for path in base.glob(pattern)}
    found: dict[str, Path] = {}
    for pattern in artifact.files:
        if pattern.startswith("/"):
            raise ValueError(f"artifact path {pattern} is absolute; expected one below the source directory")
        for path in base.glob(pattern):
            if path in excluded or not (path.is_file() or path.is_symlink()):
                continue
            found[path.name if artifact.discard_paths else path.relative_to(base).as_posix()] = path
    return found
