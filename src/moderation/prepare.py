"""Turns labelled text into the prepared dataset: checked, deduplicated, split, named by the hash of its content."""

import argparse
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moderation import demonstration, reading
from moderation.checksums import directory_sha256
from moderation.config import DataConfig, load_data_config
from moderation.container import say, write_exit_message
from moderation.data_page import data_page
from moderation.data_report import LanguageSample, data_report
from moderation.duplicates import drop_duplicates
from moderation.previous import Previous, earlier_splits, read_previous, split_settings
from moderation.reading import Rejections
from moderation.shards import Shards, read_shards
from moderation.splitting import FREE, SPLITS, stratified_split
from moderation.spool import Spool

DEMONSTRATION = "demonstration"
ROW_GROUP = 16384  # rows


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
        config = load_data_config(arguments.config)
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
) -> dict[str, Any]:
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


def _prepare(
    config: DataConfig, source: Path | Shards, partial: Path, previous_directory: Path | None
) -> dict[str, Any]:
    previous, reason = read_previous(previous_directory, config)
    say(
        f"rows of dataset {previous.version} stay in their splits"
        if previous
        else f"all rows are split anew: of an earlier dataset, {reason}"
    )
    config, spool, rejections = spooled(config, source, partial / "spool")
    placed = place(config, spool, rejections, previous)
    report = data_report(config.source, spool, placed, rejections, previous.version if previous else None, reason)
    (partial / "dataset").mkdir()
    return write_dataset(partial / "dataset", spool, placed, report, config, previous.lineage if previous else None)


def spooled(config: DataConfig, source: Path | Shards, directory: Path) -> tuple[DataConfig, Spool, Rejections]:
    """Every row that can be used, those that can't be, and the configuration that they were read with."""
    if isinstance(source, Shards) and source.files:
        return config, source.spool(directory, config), source.rejections(config)
    rejections = Rejections(config.bad_rows)
    if config.source.startswith("hub:"):
        found = reading.read_hub(config.source, config, rejections)
    elif isinstance(source, Path) and reading.data_files(source):
        found = reading.read_files(source, config, rejections)
    else:
        say("no data: generating the seeded DEMONSTRATION set; a model trained on it is not fit to moderate anything")
        config = replace(demonstration.layout(config), source=DEMONSTRATION)
        records = enumerate(demonstration.generate(config.seed), start=1)
        found = reading.rows_of(DEMONSTRATION, records, config, rejections)
    spool = Spool(directory, config.seed, config.near_duplicates)
    for row in found:
        spool.add(row)
    spool.finish()
    return config, spool, rejections


@dataclass(frozen=True)
class Placed:
    """What becomes of the rows of a spool."""

    labels: list[str]
    positive: np.ndarray
    """(combinations, labels) bool: what each combination of the spool stands for."""
    unannotated: np.ndarray
    """(combinations, labels) bool: the labels that nobody decided."""
    split: np.ndarray
    """(rows,) index into SPLITS, or FREE for a row that is left out."""
    earlier: np.ndarray
    """(rows,) the split it had in the dataset before, or FREE."""
    conflicting: int
    """Duplicates whose labels differ from those of the row that stayed."""
    similarity: float | None
    """From which texts are near-duplicates; None where nobody asked."""
    cluster_sizes: np.ndarray
    """(clusters of more than one row,) rows of each."""
    loosened: int
    """Rows of clusters that were too large for a split, and are held together by a higher similarity only."""


def place(config: DataConfig, spool: Spool, rejections: Rejections, previous: Previous | None) -> Placed:
    """Decide which rows stay and where. Raises ValueError where what is left can't be learnt from or measured on."""
    unique = drop_duplicates(spool, rejections)
    kept = unique.kept.copy()
    earlier, gone = np.full(spool.rows, FREE, np.int8), np.zeros(0, np.int8)
    if previous:
        earlier, gone = earlier_splits(previous, spool, kept)
    clusters, loosened = np.arange(spool.rows), 0
    if spool.signatures:
        spool.signatures.finish()
        members = np.concatenate([np.flatnonzero(kept), spool.rows + np.arange(len(gone))])
        found, loosened = spool.signatures.clusters(members)
        settled, bridging = settle(found, np.concatenate([earlier[kept], gone]))
        rows = members[: np.count_nonzero(kept)]
        _leave_out(spool, rejections, rows[bridging[: len(rows)]])
        clusters[rows] = found[: len(rows)]
        # rows that an earlier dataset put apart stay apart, now that nothing stands between them
        pinned = rows[earlier[rows] != FREE]
        clusters[pinned] = len(members) + np.arange(len(pinned))
        earlier_or_settled = earlier.copy()
        earlier_or_settled[rows] = np.where(earlier[rows] == FREE, settled[: len(rows)], earlier[rows])
        kept[rows[bridging[: len(rows)]]] = False
    else:
        earlier_or_settled = earlier
    rows = np.flatnonzero(kept)
    labels, positive, unannotated = check_labels(spool, rows, config)
    train_fraction = 1 - config.validation_fraction - config.test_fraction
    split = np.full(spool.rows, FREE, np.int8)
    split[rows] = stratified_split(
        positive,
        spool.combination[rows],
        spool.keys[rows],
        clusters[rows],
        earlier_or_settled[rows],
        (train_fraction, config.validation_fraction, config.test_fraction),
    )
    for number, name in enumerate(SPLITS):
        if not (split == number).any():
            raise ValueError(
                f"found {len(rows)} usable rows, too few for a {name} split; add rows or change its fraction"
            )
    sizes = np.bincount(found[: len(unique.kept.nonzero()[0])]) if spool.signatures else np.zeros(0, np.int64)
    return Placed(
        labels=labels,
        positive=positive,
        unannotated=unannotated,
        split=split,
        earlier=earlier,
        conflicting=unique.conflicting,
        similarity=config.near_duplicates,
        cluster_sizes=sizes[sizes > 1],
        loosened=loosened,
    )


def settle(clusters: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The split that each row's cluster has from an earlier dataset, or FREE; and which new rows can have none.

    A new row whose cluster reaches into two splits would be nearly the same as rows on both sides.
    """
    lowest = np.full(clusters.max(initial=-1) + 1, len(SPLITS), np.int8)
    highest = np.full(len(lowest), FREE, np.int8)
    old = earlier != FREE
    np.minimum.at(lowest, clusters[old], earlier[old])
    np.maximum.at(highest, clusters[old], earlier[old])
    between = (lowest < highest)[clusters]
    return highest[clusters], between & ~old


def _leave_out(spool: Spool, rejections: Rejections, rows: np.ndarray) -> None:
    for row in rows[: reading.EXAMPLES_PER_KIND].tolist():
        found = "a text nearly the same as rows in different splits of the dataset before"
        rejections.add(spool.problem("between_splits", row, found, "one split for all of them"))
    rejections.add_more("between_splits", len(rows) - reading.EXAMPLES_PER_KIND)


def check_labels(spool: Spool, rows: np.ndarray, config: DataConfig) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The labels in the order of every array, after checking that each has rows to learn from and be measured on.

    With them come (combinations, labels) bool: which of the spool's combinations hold a label, and which leave it open.
    """
    combinations = spool.combinations
    count = np.bincount(spool.combination[rows], minlength=len(combinations))
    positives: Counter[str] = Counter()
    for (positive, _), number in zip(combinations, count.tolist(), strict=True):
        if number:
            positives.update(dict.fromkeys(positive, number))
    # a label that is named must not vanish because an export lost its positives
    named = config.labels or config.label_fields or config.classes.values()
    labels = sorted(set(named or positives))
    if not labels:
        raise ValueError(
            f"found {len(rows)} usable rows and not one positive label, expected labelled rows; check the label fields "
            "in the data section of moderation.yaml"
        )
    rare = [label for label in labels if positives[label] < config.minimum_positives]
    if rare:
        found = ", ".join(f"{positives[label]} of {label}" for label in rare)
        raise ValueError(
            f"found too few positive rows ({found}), expected at least {config.minimum_positives} a label; add rows, "
            "lower data.minimum_positives, or leave the label out of the data"
        )
    sets = [np.array([[label in pair[kind] for label in labels] for pair in combinations], bool) for kind in range(2)]
    return labels, sets[0], sets[1]


def write_dataset(
    directory: Path, spool: Spool, placed: Placed, report: dict[str, Any], config: DataConfig, lineage: str | None
) -> dict[str, Any]:
    """Write the parts of the dataset into an empty directory, the manifest last; returns it.

    lineage: that of the dataset whose splits it goes on with; None where all rows were split anew.
    """
    writers = [SplitWriter(directory / split) for split in SPLITS]
    languages = LanguageSample(int(np.count_nonzero(placed.split != FREE)))
    values = np.where(placed.unannotated, np.float32("nan"), placed.positive.astype(np.float32))
    keys = spool.keys
    for table in spool.buckets():
        number = table["number"].to_numpy()
        order = np.lexsort((keys[number, 1], keys[number, 0]))
        order = order[placed.split[number[order]] != FREE]
        languages.add(table["text"], order)
        for split, writer in enumerate(writers):
            chosen = order[placed.split[number[order]] == split]
            if len(chosen):
                writer.write(table.take(chosen), values[spool.combination[number[chosen]]])
    content = hashlib.sha256(json.dumps(placed.labels).encode())
    for split, writer in zip(SPLITS, writers, strict=True):
        content.update(f"{split} {writer.close()}".encode())
    version = content.hexdigest()[:16]
    named = {"labels": placed.labels, "lineage": lineage or version}
    for path in (directory, *(directory / split for split in SPLITS)):
        (path / "labels.json").write_text(json.dumps(named, ensure_ascii=False, indent=1), encoding="utf-8")
    report |= {"languages": languages.shares()}
    (directory / "data_report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    (directory / "data_report.html").write_text(data_page(report), encoding="utf-8")
    manifest = {
        "dataset_version": version,
        "lineage": named["lineage"],
        "rows": report["rows"],
        "labels": placed.labels,
        "files": directory_sha256(directory),
        "source": config.source,
        "split": split_settings(config),
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    return manifest


class SplitWriter:
    """Writes the rows of one split to Parquet as they come, and hashes them."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._path = directory / "part-00000.parquet"
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._content = hashlib.sha256()

    def write(self, table: Any, values: np.ndarray) -> None:
        """Take rows with id and text, and their label values (rows, labels) float32."""
        import pyarrow as pa

        ids, texts = table["id"].to_pylist(), table["text"].to_pylist()
        self._content.update(json.dumps([ids, texts]).encode())
        self._content.update(values.tobytes())
        offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        lists = pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), pa.float32()))
        columns = [table["id"].combine_chunks(), pa.array(texts, pa.string()), lists]
        self._waiting.append(pa.table(columns, names=["id", "text", "labels"]))
        if sum(table.num_rows for table in self._waiting) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> str:
        """Finish the file; returns the hash of its rows."""
        if self._waiting:
            self._flush()
        self._writer.close()
        return self._content.hexdigest()


def _move(partial: Path, output: Path) -> None:
    try:
        partial.rename(output)
    except OSError:  # the container mounts the output directory: it can be filled, but not replaced
        for path in sorted(partial.iterdir(), key=lambda path: path.name == "manifest.json"):
            shutil.move(path, output / path.name)
