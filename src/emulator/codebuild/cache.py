"""The S3 cache of a project: paths of the source directory that last from build to build."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from emulator.codebuild.log import BuildLog

States = dict[str, tuple[int, int]]  # size and modification time (seconds, as an archive keeps it) by name


class Cache:
    """The cache of one build."""

    def __init__(
        self,
        client: Callable[[str], Any],
        location: tuple[str, str] | None,
        source: Path,
        scratch: Path,
        log: BuildLog,
    ):
        """`location` is (bucket, key), None where the project has no cache."""
        self._client = client
        self._location = location
        self._source = source
        self._archive = scratch / "cache.tar.gz"
        self._log = log
        self._restored: States = {}

    def restore(self, patterns: tuple[str, ...]) -> None:
        """Brings the files of an earlier build back, where there are any."""
        if self._location is None or not patterns:
            return
        bucket, key = self._location
        try:
            self._client("s3").download_file(bucket, key, str(self._archive))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            self._log.say("There is no cache yet")
            return
        with tarfile.open(self._archive) as tar:
            tar.extractall(self._source, filter="data")
        self._archive.unlink()
        self._restored = self._states(patterns)

    def save(self, patterns: tuple[str, ...]) -> None:
        """Keeps the files for the next build, where they differ from what was restored."""
        if self._location is None or not patterns:
            return
        bucket, key = self._location
        for pattern in patterns:
            if outside(pattern):
                self._log.say(f"Cache path {pattern} lies outside of the source directory and is not kept")
        files = self._states(patterns)
        if files == self._restored:  # also: there is nothing to keep
            return
        with tarfile.open(self._archive, "w:gz", compresslevel=1) as tar:
            for name in sorted(files):
                tar.add(self._source / name, arcname=name, recursive=False)
        self._client("s3").upload_file(str(self._archive), bucket, key)

    def _states(self, patterns: tuple[str, ...]) -> States:
        kept = [pattern for pattern in patterns if not outside(pattern)]
        paths = {path for pattern in kept for path in self._source.glob(pattern) if path.is_file()}
        return {
            path.relative_to(self._source).as_posix(): (path.stat().st_size, int(path.stat().st_mtime))
            for path in paths
        }


def outside(pattern: str) -> bool:
    """Whether a cache path leaves the source directory: the machine's own file system is not a container's."""
    return pattern.startswith(("/", "~"))
