"""Writes the prepared dataset."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from contract.dataset.labels import LABELS_FILE, LabelsDocument
from contract.dataset.manifest import MANIFEST_FILE, SPLITS, Manifest
from moderation.data.previous import split_settings
from moderation.data.report import LanguageSample, Preparation, data_report
from moderation.data.report_page import data_page
from moderation.data.splitting import FREE
from moderation.job.checksums import directory_sha256

ROW_GROUP = 16384  # rows


def write_dataset(directory: Path, preparation: Preparation) -> Manifest:
    """Write the parts of the dataset into an empty directory, the manifest last; returns it."""
    placed = preparation.placed
    version, languages = _write_splits(directory, preparation)
    # a dataset that was split anew begins a lineage
    lineage = preparation.previous.lineage if preparation.previous else version
    labels: LabelsDocument = {"labels": placed.labels, "lineage": lineage}
    for path in (directory, *(directory / split for split in SPLITS)):
        (path / LABELS_FILE).write_text(json.dumps(labels, ensure_ascii=False, indent=1), encoding="utf-8")

    report = data_report(preparation) | {"languages": languages}
    (directory / "data_report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    (directory / "data_report.html").write_text(data_page(report), encoding="utf-8")

    manifest: Manifest = {
        "dataset_version": version,
        "lineage": lineage,
        "rows": report["rows"],
        "labels": placed.labels,
        "files": directory_sha256(directory),
        "source": preparation.config.source,
        "split": split_settings(preparation.config),
    }
    (directory / MANIFEST_FILE).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    return manifest


def _write_splits(directory: Path, preparation: Preparation) -> tuple[str, dict[str, Any]]:
    """Write the rows of every split in the order of their keys; returns the dataset's version and its languages."""
    spool, placed = preparation.spool, preparation.placed
    writers = [SplitWriter(directory / split) for split in SPLITS]
    languages = LanguageSample(int(np.count_nonzero(placed.split != FREE)))
    values = np.where(placed.unannotated, np.float32("nan"), placed.positive.astype(np.float32))
    keys = spool.keys
    for table in spool.buckets():
        number = table["number"].to_numpy()
        order = np.lexsort((keys[number, 1], keys[number, 0]))
        order = order[placed.split[number[order]] != FREE]
        languages.add(table["text"], order)
        for part, writer in enumerate(writers):
            chosen = order[placed.split[number[order]] == part]
            if len(chosen):
                writer.write(table.take(chosen), values[spool.combination[number[chosen]]])

    content = hashlib.sha256(json.dumps(placed.labels).encode())
    for split, writer in zip(SPLITS, writers, strict=True):
        content.update(f"{split} {writer.close()}".encode())
    return content.hexdigest()[:16], languages.shares()


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
