"""Zip archives as CodePipeline and CodeBuild exchange them: file modes and symbolic links are kept."""

import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path


def pack(files: Mapping[str, Path], archive: Path) -> None:
    """Writes `archive` with each file under its name (a relative POSIX path)."""
    # Artifacts live for minutes on the same machine: speed counts more than size.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as target:
        for name in sorted(files):
            path = files[name]
            if path.is_symlink():
                entry = zipfile.ZipInfo(name)
                entry.create_system = 3  # Unix, so that the mode is read
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                target.writestr(entry, os.readlink(path))
            else:
                target.write(path, name)


def unpack(archive: Path, directory: Path) -> int:
    """Unpacks `archive` into `directory`; returns the number of files.

    Raises ValueError for an archive that would write outside of the directory, or is none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()
    if not zipfile.is_zipfile(archive):
        raise ValueError(f"{archive.name} is not a zip archive; expected the zip that a source or build has written")
    count = 0
    with zipfile.ZipFile(archive) as source:
        for entry in source.infolist():
            target = root / entry.filename
            if not target.parent.resolve().is_relative_to(root) or ".." in Path(entry.filename).parts:
                raise ValueError(f"{archive.name} holds {entry.filename!r}, which lies outside of the archive")
            mode = entry.external_attr >> 16
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            count += 1
            if stat.S_ISLNK(mode):
                link = source.read(entry).decode()
                if not (target.parent / link).resolve().is_relative_to(root):
                    raise ValueError(f"{archive.name}: the link {entry.filename!r} leads outside of the archive")
                target.symlink_to(link)
                continue
            with source.open(entry) as reader, target.open("wb") as writer:
                while chunk := reader.read(1 << 20):
                    writer.write(chunk)
            if mode:
                target.chmod(stat.S_IMODE(mode) & 0o777 | stat.S_IWUSR)
    return count
