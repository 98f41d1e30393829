"""Reads labelled text from JSONL, JSON, CSV, TSV and Parquet files, compressed or not, one row at a time.

Every row becomes a `Row` or a `Problem` that names file, row, what was found and what was expected; nothing is left
out in silence.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.csv_records import csv_records
from moderation.rows.json_records import json_records, jsonl_records
from moderation.rows.opening import COMPRESSIONS, kind_of
from moderation.rows.parquet_records import parquet_records
from moderation.rows.parsing import rows_of
from moderation.rows.row import Problem, Rejections, Row

Reader = Callable[[Path, str, DataConfig], Iterator[tuple[int, dict[str, Any] | Problem]]]
READERS: dict[str, Reader] = {
    ".jsonl": jsonl_records,
    ".ndjson": jsonl_records,
    ".json": json_records,
    ".csv": csv_records,
    ".tsv": csv_records,
    ".parquet": parquet_records,
}
# What can't be read, and what to do instead
CONVERSIONS = {
    ".xlsx": "save it as CSV (UTF-8)",
    ".xls": "save it as CSV (UTF-8)",
    ".ods": "save it as CSV (UTF-8)",
    ".zip": "unpack it",
    ".tar": "unpack it",
    ".zst": "decompress it, or compress it with gzip",
    ".arrow": "write it as Parquet",
    ".feather": "write it as Parquet",
    ".pkl": "write it as Parquet or JSONL: loading it would run code",
    ".txt": "name it .csv or .tsv where it is a table",
}


def data_files(directory: Path) -> list[Path]:
    """The data files below a directory, sorted; empty where it is absent or empty. Hidden files don't count.

    Raises ValueError for a file that is not data, with what to do.
    """
    files = sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []
    files = [
        path for path in files if not any(part.startswith((".", "_")) for part in path.relative_to(directory).parts)
    ]
    for path in files:
        kind = kind_of(path.name)
        packed_parquet = kind == ".parquet" and path.suffix.lower() in COMPRESSIONS
        if kind not in READERS or packed_parquet:
            advice = "Parquet compresses by itself" if packed_parquet else CONVERSIONS.get(path.suffix.lower())
            raise ValueError(
                f"{ascii(path.name)[1:-1]}: found a file that is not data, expected names ending in "
                f"{', '.join(READERS)}, those of text also with {', '.join(COMPRESSIONS)}; "
                + (f"{advice}, or " if advice else "")
                + "keep other files out of the source, or start their names with a dot"
            )
    return files


def read_files(directory: Path, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of every data file below a directory. Raises ValueError at what must stop."""
    for path in data_files(directory):
        yield from read_file(path, path.relative_to(directory).as_posix(), config, rejections)


def read_file(path: Path, name: str, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of one data file, called `name` in messages. Raises ValueError at what must stop."""
    reader = READERS[kind_of(name)]
    yield from rows_of(name, reader(path, name, config), config, rejections)
