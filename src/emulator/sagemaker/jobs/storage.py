"""What a job does with S3: bring inputs onto an instance, take results and checkpoints back.

Every function takes an S3 client made for the job's role, so that each call is recorded under that role.
"""

import os
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from emulator.core.locations import Location

# What boto3 raises when S3 refuses or can't be reached; an upload wraps it in an error of its own.
FAILURES = (ClientError, BotoCoreError, Boto3Error)

SYNC_SECONDS = 0.5


def relative_name(key: str, prefix: str) -> str:
    """Name of an object under the directory that its prefix is downloaded to.

    The object itself keeps its base name; below `a/b` and `a/b/` it is what follows `a/b/`; a prefix that ends within
    a name (`a/b` for `a/bc/d`) keeps that name (`bc/d`).
    """
    if key == prefix:
        return PurePosixPath(key).name
    directory = prefix if not prefix or prefix.endswith("/") else prefix + "/"
    if key.startswith(directory):
        return key[len(directory) :]
    return key[prefix.rfind("/") + 1 :]


def shard(keys: Iterable[str], index: int, count: int) -> list[str]:
    """Every `count`-th of the sorted keys, from `index` on: ShardedByS3Key for instance `index`."""
    return sorted(keys)[index::count]


def list_keys(s3, location: Location) -> list[str]:
    """Sorted keys of the objects whose key starts with the location's; directory markers are left out."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    # The object or directory that the location names is meant before others whose names merely begin alike.
    directory = location.key if location.key.endswith("/") or not location.key else location.key + "/"
    exact = [key for key in keys if key == location.key or key.startswith(directory)]
    return sorted(key for key in exact or keys if not key.endswith("/"))


def download(s3, location: Location, keys: Iterable[str], directory: Path) -> None:
    """Downloads the objects to `directory`, under their names relative to the location."""
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()
    for key in keys:
        target = (root / relative_name(key, location.key)).resolve()
        if not target.is_relative_to(root):
            raise ValueError(f"object s3://{location.bucket}/{key} would be written outside of its directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(location.bucket, key, str(target))


def upload_directory(s3, directory: Path, location: Location, kms_key_id: str | None = None) -> int:
    """Uploads every file below `directory` under the location; returns how many."""
    files = _files(directory)
    for name in files:
        _upload(s3, directory / name, location.below(name), kms_key_id)
    return len(files)


def upload_archive(s3, directories: Sequence[Path], location: Location, kms_key_id: str | None = None) -> int:
    """Uploads one tar.gz of the files of all directories, merged; returns how many files it holds.

    Of files with the same name the one in the directory named first is taken.
    """
    merged: dict[str, Path] = {}
    for directory in directories:
        for name in _files(directory):
            merged.setdefault(name, directory / name)
    # Beside the files: the system's directory for temporary files may be small.
    with tempfile.TemporaryDirectory(dir=directories[0].parent) as scratch:
        archive = Path(scratch) / "archive.tar.gz"
        # Weights hardly compress: storing them saves seconds here and again wherever they are unpacked.
        with tarfile.open(archive, "w:gz", compresslevel=0) as tar:
            for name in sorted(merged):
                tar.add(merged[name], arcname=name, recursive=False)
        _upload(s3, archive, location, kms_key_id)
    return len(merged)


class DirectorySync:
    """Copies new and changed files of a directory to S3 while a job runs.

    A file is copied once it has kept its size and time for one round; `finish` copies what is left. With `deletes`, a
    file that is gone goes in S3, too, as SageMaker documents for checkpoints.
    """

    def __init__(self, s3, directory: Path, location: Location, kms_key_id: str | None = None, deletes: bool = False):
        self._s3 = s3
        self._directory = directory
        self._location = location
        self._kms_key_id = kms_key_id
        self._deletes = deletes
        self._seen = _states(directory)
        self._copied = dict(self._seen)  # what the directory starts with came from S3
        self._finish = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"sync-{location.key}", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Copies the rest and ends. Raises what stopped the copying, if anything did."""
        self._finish.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._finish.wait(SYNC_SECONDS):
                states = _states(self._directory)
                self._copy({name: state for name, state in states.items() if self._seen.get(name) == state})
                self._delete_but(states)
                self._seen = states
            states = _states(self._directory)
            self._copy(states)
            self._delete_but(states)
        except (OSError, *FAILURES) as error:
            self._error = error

    def _copy(self, states: dict[str, tuple[int, int]]) -> None:
        for name, state in states.items():
            if self._copied.get(name) == state:
                continue
            try:
                _upload(self._s3, self._directory / name, self._location.below(name), self._kms_key_id)
            except FileNotFoundError:  # an old checkpoint, deleted by the job meanwhile
                continue
            self._copied[name] = state

    def _delete_but(self, states: dict[str, tuple[int, int]]) -> None:
        for name in self._copied.keys() - states.keys() if self._deletes else ():
            self._s3.delete_object(Bucket=self._location.bucket, Key=self._location.below(name).key)
            del self._copied[name]


def _upload(s3, path: Path, location: Location, kms_key_id: str | None) -> None:
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
    s3.upload_file(str(path), location.bucket, location.key, ExtraArgs=encryption)


def _files(directory: Path) -> list[str]:
    """Relative POSIX names of all files below `directory`, sorted; empty when there is no such directory.

    Symbolic links are left out, as SageMaker does not follow them.
    """
    found = []
    for parent, _, names in os.walk(directory):
        paths = [Path(parent) / name for name in names]
        found += [path.relative_to(directory).as_posix() for path in paths if not path.is_symlink()]
    return sorted(found)


def _states(directory: Path) -> dict[str, tuple[int, int]]:
    """Size in bytes and modification time in nanoseconds of each file."""
    states = {}
    for name in _files(directory):
        try:
            status = (directory / name).stat()
        except FileNotFoundError:
            continue
        states[name] = (status.st_size, status.st_mtime_ns)
    return states
