"""Lets several instances read the data files, each its share: what one of them makes of it is a shard.

What is decided over all rows is left to the preparation, which merges the shards in the order of the files' names, so
that it does not matter which instance read what.
"""

import argparse
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from contract.data.section import DataConfig, read_data_config
from moderation.job.checksums import directory_sha256
from moderation.job.container import Cluster, processing_cluster, say, write_exit_message
from moderation.rows.readers import data_files, read_file
from moderation.rows.row import Rejections
from moderation.rows.spool import Spool, Stretch

MARKER = "shard.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of one instance; returns the exit status."""
    parser = argparse.ArgumentParser(prog="shard.py", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="moderation.yaml")
    parser.add_argument(
        "--input", type=Path, required=True, help="directory with this instance's data files; may be absent or empty"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="directory for the shard, which is called like the instance"
    )
    arguments = parser.parse_args(argv)

    cluster = processing_cluster()
    try:
        marker = write_shard(read_data_config(arguments.config), arguments.input, arguments.output, cluster)
    except ValueError as error:
        write_exit_message(error)
        say(f"shard: {error}")
        return 1
    except Exception as error:
        write_exit_message(error)
        raise

    kept, read = (sum(file[name] for file in marker["files"]) for name in ("rows", "rows_read"))
    say(f"shard {cluster.host} of {len(cluster.hosts)}: {len(marker['files'])} files, {kept} of {read} rows usable")
    return 0


def write_shard(config: DataConfig, source: Path, output: Path, cluster: Cluster) -> dict[str, Any]:
    """Read the files of one instance into `output`/<host>; returns the marker that makes the directory a shard.

    Raises ValueError with the reason at bad data; then nothing is left.
    """
    if config.source.startswith("hub:"):
        raise ValueError(
            f"data.source: found {config.source!r}, expected files; the Hub is read by one instance: run prepare.py"
        )
    target = output / cluster.host
    if target.exists():
        raise ValueError(f"--output: found {cluster.host} in {output.name}, expected no shard of this instance yet")

    partial = output / f".{cluster.host}.partial-{os.getpid()}"
    partial.mkdir(parents=True)
    try:
        files = _read(config, source, partial)
        marker = {
            "host": cluster.host,
            "hosts": list(cluster.hosts),
            "data": _as_json(config),
            "files": files,
            "sha256": directory_sha256(partial),
        }
        (partial / MARKER).write_text(json.dumps(marker), encoding="utf-8")
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return marker


def _read(config: DataConfig, source: Path, shard: Path) -> list[dict[str, Any]]:
    """Spool the rows of every file; returns what is to be known of each."""
    spool = Spool(shard / "spool", config.seed, config.near_duplicates)
    files, first = [], 0
    for path in data_files(source):
        name, rejections, rows = path.relative_to(source).as_posix(), Rejections(config.bad_rows), 0
        for row in read_file(path, name, config, rejections):
            spool.add(row)
            rows += 1

        dropped = {
            kind: {"count": count, "examples": rejections.examples[kind]} for kind, count in rejections.counts.items()
        }
        files.append(
            {"name": name, "first": first, "rows": rows, "rows_read": rejections.rows_read, "dropped": dropped}
        )
        first += rows

    spool.save()
    if not first:  # SageMaker may not upload empty files
        shutil.rmtree(shard / "spool")
    return files


def _as_json(config: DataConfig) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(config)))


@dataclass(frozen=True)
class ReadFile:
    """A data file that an instance has read."""

    name: str
    """Relative to the directory of the data files."""
    shard: Path
    first: int
    """Number of its first row in the shard's spool."""
    rows: int
    """Rows that can be used."""
    rows_read: int
    dropped: dict[str, dict[str, Any]]
    """Kind of bad row to `count` and `examples`."""


@dataclass(frozen=True)
class Shards:
    """What all instances have read."""

    files: tuple[ReadFile, ...]
    """In the order in which one instance would have read them."""

    def spool(self, directory: Path, config: DataConfig) -> Spool:
        """Their rows as one instance would have spooled them; texts are not copied."""
        stretches = [Stretch(file.shard / "spool", file.first, file.rows) for file in self.files if file.rows]
        return Spool.merged(directory, config.seed, config.near_duplicates, stretches)

    def rejections(self, config: DataConfig) -> Rejections:
        """Their bad rows as one instance would have counted them."""
        total = Rejections(config.bad_rows)
        for file in self.files:
            of_file = Rejections(config.bad_rows)
            of_file.rows_read = file.rows_read
            of_file.counts = Counter({kind: dropped["count"] for kind, dropped in file.dropped.items()})
            of_file.examples = {kind: dropped["examples"] for kind, dropped in file.dropped.items()}
            total.include(of_file)
        return total


def read_shards(directory: Path, config: DataConfig) -> Shards:
    """Check that the shards below a directory are whole and all there. Raises ValueError where they are not."""
    markers = {path.name: _marker(path) for path in sorted(directory.glob("*")) if not path.name.startswith(".")}
    if not markers:
        raise ValueError(f"--shards: found no shard in {directory.name}, expected one of each instance; run shard.py")
    hosts = sorted({host for marker in markers.values() for host in marker["hosts"]})
    if hosts != sorted(markers):
        raise ValueError(
            f"--shards: found the shards {', '.join(sorted(markers))}, expected those of {', '.join(hosts)}; delete "
            "the shards and read the files again"
        )

    for host, marker in markers.items():
        _check(directory / host, marker, config)

    files = [
        ReadFile(
            shard=directory / host, **{name: file[name] for name in ("name", "first", "rows", "rows_read", "dropped")}
        )
        for host, marker in markers.items()
        for file in marker["files"]
    ]
    files.sort(key=lambda file: PurePosixPath(file.name))
    _check_names(files)
    return Shards(tuple(files))


def _marker(shard: Path) -> dict[str, Any]:
    try:
        marker = json.loads((shard / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--shards: found no readable {MARKER} in {shard.name} ({type(error).__name__}), expected a whole shard; "
            "delete the shards and read the files again"
        ) from error
    return marker


def _check(shard: Path, marker: dict[str, Any], config: DataConfig) -> None:
    settings = _as_json(config)
    other = [name for name in settings if marker["data"].get(name) != settings[name]]
    if other:
        raise ValueError(
            f"--shards: found {shard.name} read with another {', '.join(f'data.{name}' for name in other)}, expected "
            "the settings of --config; delete the shards and read the files again"
        )

    digests, written = directory_sha256(shard), marker["sha256"]
    del digests[MARKER]
    damaged = sorted(name for name in {*digests, *written} if digests.get(name) != written.get(name))
    if damaged:
        raise ValueError(
            f"--shards: found {shard.name}/{damaged[0]} absent or changed, expected the shard as it was written; "
            "delete the shards and read the files again"
        )


def _check_names(files: Iterable[ReadFile]) -> None:
    shards: dict[str, Path] = {}
    for file in files:
        other = shards.setdefault(file.name, file.shard)
        if other != file.shard:
            raise ValueError(
                f"--shards: found {file.name} in {other.name} and {file.shard.name}, expected each file in one shard; "
                "give each instance files of its own (ShardedByS3Key)"
            )
