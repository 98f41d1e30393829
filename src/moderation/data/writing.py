"""Writes the prepared dataset."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from contract.data.manifest import SPLITS
from contract.data.section import DataConfig
from moderation.data.placement import Placed
from moderation.data.previous import split_settings
from moderation.data.report import LanguageSample
from moderation.data.report_page import data_page
from moderation.data.splitting import FREE
from moderation.job.checksums import directory_sha256
from moderation.rows.spool import Spool

ROW_GROUP = 16384  # rows


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
