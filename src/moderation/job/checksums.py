"""Hashes by which a reader knows that a directory of files has arrived whole."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """64 hex digits that stand for the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_sha256(directory: Path) -> dict[str, str]:
    """The hash of every file below a directory, by its relative path; in the order of the paths."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): file_sha256(path) for path in files}
