"""Reads what the preparation wrote."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.dataset.labels import LABELS_FILE, LabelsDocument


@dataclass(frozen=True)
class Split:
    """One split of a prepared dataset."""

    ids: list[str]
    texts: list[str]
    truth: np.ndarray
    """(rows, labels) float32: 1, 0, or NaN where not annotated."""


def read_labels(directory: Path) -> list[str]:
    """The labels in the order of every array. Raises ValueError where labels.json is absent."""
    return _labels_file(directory)["labels"]


def read_lineage(directory: Path) -> str | None:
    """Version of the dataset that the splits go back to: a model trained within a lineage has seen none of its test
    rows. None where nobody noted it. Raises ValueError where labels.json is absent."""
    return _labels_file(directory).get("lineage")


def read_split(directory: Path, labels: list[str]) -> Split:
    """Every Parquet file of a split. Raises ValueError where there is none or the labels don't fit."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(directory.glob("*.parquet"))
    if not files:
        raise ValueError(f"{directory}: found no Parquet file, expected a split of a prepared dataset")
    table = pa.concat_tables([pq.read_table(path, columns=["id", "text", "labels"]) for path in files])
    truth = np.array(table["labels"].to_pylist(), dtype=np.float32)
    if truth.shape != (table.num_rows, len(labels)):
        raise ValueError(
            f"{directory}: found label values of shape {truth.shape}, expected ({table.num_rows}, {len(labels)}) "
            "as labels.json says; prepare the dataset again"
        )
    return Split(table["id"].to_pylist(), table["text"].to_pylist(), truth)


def _labels_file(directory: Path) -> LabelsDocument:
    path = directory / LABELS_FILE
    if not path.is_file():
        raise ValueError(f"{directory}: found no {LABELS_FILE}, expected a prepared dataset or one of its splits")
    return json.loads(path.read_text(encoding="utf-8"))
