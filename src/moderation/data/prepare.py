"""Turns labelled text into the prepared dataset: checked, deduplicated, split, named by the hash of its content."""

import argparse
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from contract.data.section import DEFAULT_SOURCE, DEMONSTRATION, DataConfig, read_data_config
from contract.dataset.manifest import MANIFEST_FILE, Manifest
from moderation.data import demonstration
from moderation.data.placement import place
from moderation.data.previous import read_previous
from moderation.data.report import Preparation
from moderation.data.writing import write_dataset
from moderation.job.container import say, write_exit_message
from moderation.rows import readers
from moderation.rows.hub import read_hub
from moderation.rows.parsing import rows_of
from moderation.rows.row import Rejections
from moderation.rows.shards import Shards, read_shards
from moderation.rows.spool import Spool


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the preparation; returns the exit status."""
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="moderation.yaml")
    inputs = parser.add_mutually_exclusive_group(required=True)
    inputs.add_argument("--input", type=Path, help="directory with the data files; absent or empty: demonstration set")
    inputs.add_argument(
        "--shards", type=Path, help="instead of it, directory with what shard.py made of the data files"
    )
    parser.add_argument("--output", type=Path, required=True, help="directory to create with the prepared dataset")
    parser.add_argument(
        "--previous", type=Path, help="the dataset published before: its rows keep their splits; absent or empty: none"
    )
    arguments = parser.parse_args(argv)

    try:
        config = read_data_config(arguments.config)
        source = read_shards(arguments.shards, config) if arguments.shards else arguments.input
        manifest = prepare(config, source, arguments.output, arguments.previous)
    except ValueError as error:
        write_exit_message(error)
        say(f"prepare: {error}")
        return 1
    except Exception as error:
        write_exit_message(error)
        raise

    rows = ", ".join(f"{count} {split}" for split, count in manifest["rows"].items())
    say(f"prepared dataset {manifest['dataset_version']}: {rows} rows, labels {', '.join(manifest['labels'])}")
    return 0


def prepare(
    config: DataConfig, source: Path | Shards, output: Path, previous_directory: Path | None = None
) -> Manifest:
    """Read, check, split and write; returns the manifest. Raises ValueError with the reason at bad data.

    `source` is a directory with data files, or what several instances read. The dataset is written beside `output` and
    renamed; the manifest, which makes it a dataset, is written last.
    """
    if output.exists() and any(output.iterdir()):
        raise ValueError(f"--output: found files in {output.name}, expected an empty or absent directory")
    partial = output.with_name(f".{output.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        manifest = _prepare(config, source, partial, previous_directory)
        _move(partial / "dataset", output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _prepare(config: DataConfig, source: Path | Shards, partial: Path, previous_directory: Path | None) -> Manifest:
    previous, reason = read_previous(previous_directory, config)
    say(
        f"rows of dataset {previous.version} stay in their splits"
        if previous
        else f"all rows are split anew: of an earlier dataset, {reason}"
    )
    config, spool, rejections = spooled(config, source, partial / "spool")
    placed = place(config, spool, rejections, previous)
    (partial / "dataset").mkdir()
    return write_dataset(partial / "dataset", Preparation(config, spool, rejections, placed, previous, reason))


def spooled(config: DataConfig, source: Path | Shards, directory: Path) -> tuple[DataConfig, Spool, Rejections]:
    """Every row that can be used, those that can't be, and the configuration that they were read with."""
    if isinstance(source, Shards) and source.files:
        return config, source.spool(directory, config), source.rejections(config)
    rejections = Rejections(config.bad_rows)
    if config.source.startswith("hub:"):
        rows = read_hub(config.source, config, rejections)
    elif isinstance(source, Path) and readers.data_files(source):
        rows = readers.read_files(source, config, rejections)
    elif config.source != DEFAULT_SOURCE:
        raise ValueError(
            f"--input: found no data file, expected the files of {config.source}; only an empty {DEFAULT_SOURCE} gives "
            "the demonstration set"
        )
    else:
        say("no data: generating the seeded DEMONSTRATION set; a model trained on it is not fit to moderate anything")
        config = replace(demonstration.layout(config), source=DEMONSTRATION)
        records = enumerate(demonstration.generate(config.seed), start=1)
        rows = rows_of(DEMONSTRATION, records, config, rejections)
    spool = Spool(directory, config.seed, config.near_duplicates)
    for row in rows:
        spool.add(row)
    spool.finish()
    return config, spool, rejections


def _move(partial: Path, output: Path) -> None:
    try:
        partial.rename(output)
    except OSError:  # the container mounts the output directory: it can be filled, but not replaced
        for path in sorted(partial.iterdir(), key=lambda path: path.name == MANIFEST_FILE):
            shutil.move(path, output / path.name)
