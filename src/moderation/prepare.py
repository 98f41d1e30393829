"""Turns labelled text into the prepared dataset: checked, deduplicated, split, named by the hash of its content."""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moderation import demonstration, reading, splitting
from moderation.config import DataConfig, load_data_config
from moderation.container import say, write_exit_message
from moderation.reading import Rejections, Row
from moderation.splitting import SPLITS

DEMONSTRATION = "demonstration"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the preparation; returns the exit status."""
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="moderation.yaml")
    parser.add_argument(
        "--input", type=Path, required=True, help="directory with the data files; absent or empty: demonstration set"
    )
    parser.add_argument("--output", type=Path, required=True, help="directory to create with the prepared dataset")
    arguments = parser.parse_args(argv)
    try:
        manifest = prepare(load_data_config(arguments.config), arguments.input, arguments.output)
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


def prepare(config: DataConfig, source_directory: Path, output: Path) -> dict[str, Any]:
    """Read, check, split and write; returns the manifest. Raises ValueError with the reason at bad data."""
    if output.exists() and any(output.iterdir()):
        raise ValueError(f"--output: found files in {output.name}, expected an empty or absent directory")
    rejections = Rejections(config.bad_rows)
    if config.source.startswith("hub:"):
        source, found = config.source, reading.read_hub(config.source, config, rejections)
    elif reading.data_files(source_directory):
        source, found = config.source, reading.read_files(source_directory, config, rejections)
    else:
        say("no data: generating the seeded DEMONSTRATION set; a model trained on it is not fit to moderate anything")
        source = DEMONSTRATION
        config = demonstration.layout(config)
        records = enumerate(demonstration.generate(config.seed), start=1)
        found = reading.rows_of(DEMONSTRATION, records, config, rejections)
    unique = splitting.unique_rows(found, rejections)
    labels = check_labels(unique.rows, config)
    train_fraction = 1 - config.validation_fraction - config.test_fraction
    fractions = (train_fraction, config.validation_fraction, config.test_fraction)
    splits = dict(zip(SPLITS, splitting.stratified_split(unique.rows, fractions, config.seed), strict=True))
    for split, rows in splits.items():
        if not rows:
            raise ValueError(
                f"found {len(unique.rows)} usable rows, too few for a {split} split; add rows or change its fraction"
            )
    report = data_report(source, labels, splits, rejections, unique.conflicting_duplicates)
    return write_dataset(output, labels, splits, report, source)


def check_labels(rows: Sequence[Row], config: DataConfig) -> list[str]:
    """The labels in the order of every array, after checking that each has rows to learn from and be measured on."""
    positives = Counter(label for row in rows for label in row.positive)
    labels = sorted(config.labels or positives)
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
    return labels


def label_values(row: Row, labels: Sequence[str]) -> list[float | None]:
    """1, 0 or None (not annotated) for each label."""
    return [None if label in row.unannotated else float(label in row.positive) for label in labels]


def data_report(
    source: str, labels: Sequence[str], splits: dict[str, list[Row]], rejections: Rejections, conflicts: int
) -> dict[str, Any]:
    """Counts about the dataset, without any text."""
    rows = [row for split in splits.values() for row in split]
    characters = sorted(len(row.text) for row in rows)
    pairs = Counter(pair for row in rows for pair in itertools.combinations(sorted(row.positive), 2))
    return {
        "source": source,
        "rows": {split: len(part) for split, part in splits.items()},
        "dropped": {
            kind: {"count": count, "examples": rejections.examples[kind]}
            for kind, count in sorted(rejections.counts.items())
        },
        "duplicates_with_other_labels": conflicts,
        "labels": {
            label: {
                "positives": {split: sum(label in row.positive for row in part) for split, part in splits.items()},
                "not_annotated": sum(label in row.unannotated for row in rows),
                "prevalence": round(sum(label in row.positive for row in rows) / len(rows), 4),
            }
            for label in labels
        },
        "clean_rows": sum(not row.positive for row in rows),
        "together": [{"labels": list(pair), "rows": count} for pair, count in pairs.most_common()],
        "characters": {
            "median": statistics.median(characters),
            "percentile_95": characters[int(0.95 * (len(characters) - 1))],
            "maximum": characters[-1],
        },
    }


def write_dataset(
    output: Path, labels: list[str], splits: dict[str, list[Row]], report: dict[str, Any], source: str
) -> dict[str, Any]:
    """Write the dataset beside `output` and rename it; the manifest, which makes it a dataset, is written last."""
    partial = output.with_name(f".{output.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        label_file = json.dumps({"labels": labels}, ensure_ascii=False, indent=1)
        (partial / "labels.json").write_text(label_file, encoding="utf-8")
        (partial / "data_report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
        content = hashlib.sha256(json.dumps(labels).encode())
        for split, rows in splits.items():
            (partial / split).mkdir()
            (partial / split / "labels.json").write_text(label_file, encoding="utf-8")
            _write_rows(partial / split / "part-00000.parquet", rows, labels)
            for row in rows:
                content.update(json.dumps([split, row.id, row.text, label_values(row, labels)]).encode())
        manifest = {
            "dataset_version": content.hexdigest()[:16],
            "rows": {split: len(rows) for split, rows in splits.items()},
            "labels": labels,
            "files": {
                path.relative_to(partial).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(partial.rglob("*"))
                if path.is_file()
            },
            "source": source,
        }
        (partial / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        _move(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _write_rows(path: Path, rows: Sequence[Row], labels: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = [[float("nan") if item is None else item for item in label_values(row, labels)] for row in rows]
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("labels", pa.list_(pa.float32()))])
    columns = [[row.id for row in rows], [row.text for row in rows], values]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _move(partial: Path, output: Path) -> None:
    try:
        partial.rename(output)
    except OSError:  # the container mounts the output directory: it can be filled, but not replaced
        for path in sorted(partial.iterdir(), key=lambda path: path.name == "manifest.json"):
            shutil.move(path, output / path.name)
