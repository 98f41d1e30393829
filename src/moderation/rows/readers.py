"""Reads labelled text from JSONL(.gz), CSV(.gz), Parquet or a Hub dataset, one row at a time.

Every row becomes a `Row` or a `Problem` that names file, row, what was found and what was expected; nothing is left
out in silence.
"""

import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from contract.data.section import DataConfig
from moderation.rows.parsing import rows_of
from moderation.rows.row import Problem, Rejections, Row

MAXIMUM_LINE_BYTES = 10_000_000


def data_files(directory: Path) -> list[Path]:
    """The data files below a directory, sorted; empty where it is absent or empty. Hidden files don't count."""
    if not directory.is_dir():
        return []
    files = [
        path
        for path in sorted(path for path in directory.rglob("*") if path.is_file())
        if not any(part.startswith((".", "_")) for part in path.relative_to(directory).parts)
    ]
    for path in files:
        if not path.name.endswith(tuple(READERS)):
            raise ValueError(
                f"{path.name}: found a file that is not data, expected names ending in {', '.join(READERS)}; "
                "keep other files out of the source, or start their names with a dot"
            )
    return files


def read_files(directory: Path, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of every data file below a directory. Raises ValueError at what must stop."""
    for path in data_files(directory):
        yield from read_file(path, path.relative_to(directory).as_posix(), config, rejections)


def read_file(path: Path, name: str, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of one data file, called `name` in messages. Raises ValueError at what must stop."""
    reader = next(reader for ending, reader in READERS.items() if name.endswith(ending))
    yield from rows_of(name, reader(path, name, config), config, rejections)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.name.endswith(".gz") else path.open("rb")


def _jsonl_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    with _open(path) as stream:
        for number, line in _lines(stream, file):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            yield number, _json_record(line, file, number)


def _lines(stream: BinaryIO, file: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    while True:
        try:
            line = stream.readline(MAXIMUM_LINE_BYTES)
            if not line:
                return
            number += 1
            if len(line) == MAXIMUM_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := stream.readline(MAXIMUM_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                line = b""  # no JSON object is that long: reported as a broken row

        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{file}, after row {number}: found a damaged or cut-off file ({type(error).__name__}), expected a "
                "complete one; upload the file again"
            ) from error
        yield number, line


def _json_record(line: bytes, file: str, number: int) -> dict[str, Any] | Problem:
    if not line.strip():
        return Problem("broken_row", file, number, "an empty or endless line", "one JSON object a line")
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return Problem("not_utf8", file, number, f"the byte 0x{line[error.start]:02x} at {error.start}", "UTF-8")
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return Problem("broken_row", file, number, f"broken JSON ({reason})", "one JSON object a line")
    if not isinstance(record, dict):
        return Problem("broken_row", file, number, f"JSON {type(record).__name__}", "a JSON object")
    return record


def _csv_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    csv.field_size_limit(MAXIMUM_LINE_BYTES)
    with _open(path) as binary:
        # surrogateescape keeps bytes that are not UTF-8 recognisable, so that they are reported with their row
        lines = _CsvLines(io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline=""))
        reader = csv.reader(lines, strict=True)
        header = _next_csv_row(reader, file, 0)
        names = header if isinstance(header, list) else []
        _check_columns(names, file, config)
        number = 0
        lines.taken.clear()

        while (values := _next_csv_row(reader, file, number)) is not None:
            number += 1
            if isinstance(values, Problem):
                lines.resume()
                yield number, values
            elif not values:
                pass  # a blank line between rows, as spreadsheets leave them at the end
            elif len(values) != len(names):
                lines.resume()
                found, expected = f"{len(values)} fields", f"{len(names)}, as in the header"
                yield number, Problem("broken_row", file, number, found, expected)
            else:
                yield number, dict(zip(names, values, strict=True))
            lines.taken.clear()


class _CsvLines:
    """Lines of a CSV file that can be read again: a stray quote must not swallow the rows that follow."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        """The lines of the current row."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._stream.readline(MAXIMUM_LINE_BYTES)
        if not line:
            raise StopIteration
        if len(line) == MAXIMUM_LINE_BYTES and not line.endswith(("\n", "\r")):
            while (rest := self._stream.readline(MAXIMUM_LINE_BYTES)) and not rest.endswith(("\n", "\r")):
                pass
            self.taken.append("")
            raise csv.Error("an endless line")

        self.taken.append(line)
        return line

    def resume(self) -> None:
        """Give the lines of a broken row out again, all but its first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken.clear()


def _next_csv_row(reader: Iterator[list[str]], file: str, number: int) -> list[str] | Problem | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return Problem("broken_row", file, number + 1, f"broken CSV ({error})", "quoted fields with commas between")
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{file}, after row {number}: found a damaged or cut-off file ({type(error).__name__}), expected a "
            "complete one; upload the file again"
        ) from error


def _parquet_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
        _check_columns(table.schema_arrow.names, file, config)
        number = 0
        used = {config.id_field, *_needed_columns(config)}
        columns = [name for name in table.schema_arrow.names if name in used]
        for batch in table.iter_batches(batch_size=4096, columns=columns):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: found strings that are not UTF-8, expected UTF-8; write the file again") from error
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{file}: found a damaged or cut-off file ({type(error).__name__}), expected Parquet; upload it again"
        ) from error


def _needed_columns(config: DataConfig) -> list[str]:
    labels = [config.labels_field, *config.label_fields, config.class_field]
    return [config.text_field, *(name for name in labels if name)]


def _check_columns(header: list[str], file: str, config: DataConfig) -> None:
    missing = [name for name in _needed_columns(config) if name not in header]
    if missing:
        raise ValueError(
            f"{file}, row 0: found the columns {', '.join(header) or 'none'}, expected {', '.join(missing)} too; "
            "correct the header, or name the file's own columns in the data section of moderation.yaml"
        )


READERS = {
    ".jsonl": _jsonl_records,
    ".jsonl.gz": _jsonl_records,
    ".csv": _csv_records,
    ".csv.gz": _csv_records,
    ".parquet": _parquet_records,
}
