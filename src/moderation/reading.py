"""Reads labelled text from JSONL(.gz), CSV(.gz), Parquet or a Hub dataset, one row at a time.

Every row becomes a `Row` or a `Problem` that names file, row, what was found and what was expected; nothing is left
out in silence.
"""

import csv
import functools
import gzip
import hashlib
import io
import json
import math
import sys
import unicodedata
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from moderation.config import BadRows, DataConfig

MAXIMUM_LINE_BYTES = 10_000_000
EXAMPLES_PER_KIND = 10
SHOWN_CHARACTERS = 40  # of a wrong value: enough to recognise it, not enough to publish a text


class Row(NamedTuple):
    """One labelled text. A label in neither set is negative."""

    id: str
    text: str
    positive: frozenset[str]
    """Labels that apply."""
    unannotated: frozenset[str]
    """Labels that nobody decided."""
    file: str
    row: int
    """Its number in the file, for messages."""
    has_own_id: bool
    """False where the id is the hash of the text."""
    comparable: str
    """The text as duplicates are compared."""

    @property
    def place(self) -> str:
        """File and row in words."""
        return f"{self.file}, row {self.row}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that can't be used."""

    kind: str
    """A field of BadRows."""
    file: str
    row: int
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}: found {self.found}, expected {self.expected}"


class Rejections:
    """Stops at a bad row, or counts it, as BadRows says."""

    def __init__(self, actions: BadRows) -> None:
        self._actions = actions
        self.rows_read = 0
        """Rows that were looked at, good and bad."""
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, problem: Problem) -> None:
        """Count one dropped row; raise ValueError where this kind of row stops the preparation."""
        if getattr(self._actions, problem.kind) == "stop":
            raise ValueError(
                f"{problem}. Correct the row, or set data.bad_rows.{problem.kind} to drop to leave such rows out"
            )
        self.counts[problem.kind] += 1
        examples = self.examples.setdefault(problem.kind, [])
        if len(examples) < EXAMPLES_PER_KIND:
            examples.append(str(problem))

    def add_more(self, kind: str, rows: int) -> None:
        """Count further dropped rows of a kind that has all its examples; nothing where `rows` is not above 0."""
        if rows > 0:
            self.counts[kind] += rows

    def include(self, other: "Rejections") -> None:
        """Count what was counted elsewhere, of rows that come behind those here."""
        self.rows_read += other.rows_read
        self.counts.update(other.counts)
        for kind, found in other.examples.items():
            examples = self.examples.setdefault(kind, [])
            examples += found[: EXAMPLES_PER_KIND - len(examples)]


def data_files(directory: Path) -> list[Path]:
    """The data files below a directory, sorted; empty where it is absent or empty. Hidden files don't count."""
    files = sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []
    files = [
        path for path in files if not any(part.startswith((".", "_")) for part in path.relative_to(directory).parts)
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


def read_hub(source: str, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of every split of a Hub dataset, `hub:<id>@<revision>`. Raises ValueError where the Hub can't be reached."""
    import datasets

    dataset_id, _, revision = source.removeprefix("hub:").partition("@")
    try:
        splits = datasets.load_dataset(dataset_id, revision=revision, streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(
            f"data.source {source}: found {type(error).__name__} while asking the Hub, expected a dataset that can be "
            "downloaded; check id, revision and network, or upload the files to the data bucket"
        ) from error
    for split, dataset in splits.items():
        records = enumerate((_named_classes(record, dataset.features) for record in dataset), start=1)
        yield from rows_of(f"{source}/{split}", records, config, rejections)


def _named_classes(record: dict[str, Any], features: Mapping[str, Any] | None) -> dict[str, Any]:
    """Replace the integers of ClassLabel lists by names. A single class keeps its number: `classes` may use both."""
    named = dict(record)
    for name, feature in (features or {}).items():
        names = getattr(getattr(feature, "feature", None), "names", None)
        if names and named.get(name) is not None:
            named[name] = [names[item] if isinstance(item, int) else item for item in named[name]]
        elif getattr(feature, "names", None) and named.get(name) is not None:
            number = named[name]
            named[name] = Class(number, feature.names[number] if number >= 0 else None)
    return named


@dataclass(frozen=True, slots=True)
class Class:
    """A ClassLabel value: its number, and its name unless the row is not annotated (-1)."""

    number: int
    name: str | None


def rows_of(
    file: str, records: Iterator[tuple[int, dict[str, Any] | Problem]], config: DataConfig, rejections: Rejections
) -> Iterator[Row]:
    """Turn records into rows, handing the bad ones to `rejections`."""
    for number, record in records:
        rejections.rows_read += 1
        row = record if isinstance(record, Problem) else parse_row(file, number, record, config)
        if isinstance(row, Problem):
            rejections.add(row)
        else:
            yield row


def parse_row(file: str, number: int, record: Mapping[str, Any], config: DataConfig) -> Row | Problem:
    """Check one record against the configured fields."""

    def problem(kind: str, found: str, expected: str) -> Problem:
        return Problem(kind, file, number, found, expected)

    text = record.get(config.text_field)
    if text is None:
        fields = ", ".join(sorted(str(name) for name in record)) or "nothing"
        return problem("missing_field", f"the fields {fields}", f"a text in {config.text_field!r}")
    if not isinstance(text, str):
        return problem("broken_row", f"{type(text).__name__} in {config.text_field!r}", "a string")
    if not _is_unicode(text):
        return problem("not_utf8", f"bytes or code points that are no text in {config.text_field!r}", "UTF-8")
    comparable = normalised(text)
    if not comparable:
        return problem("empty_text", f"an empty {config.text_field!r}", "some text")
    try:
        positive, unannotated = _labels(record, config)
    except _Bad as bad:
        return problem(bad.kind, bad.found, bad.expected)
    if not all(_is_unicode(label) for label in positive):
        return problem("not_utf8", "a label that is no text", "UTF-8")
    if config.labels:
        for label in sorted(positive - set(config.labels)):
            return problem("unknown_label", f"the label {_shown(label)}", f"one of {', '.join(config.labels)}")
    own_id = record.get(config.id_field)
    if own_id is None or own_id == "":
        row_id = "text-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    elif isinstance(own_id, str | int) and not isinstance(own_id, bool):
        row_id = str(own_id)
        if not _is_unicode(row_id):
            return problem("not_utf8", f"code points that are no text in {config.id_field!r}", "UTF-8")
    else:
        return problem("broken_row", f"{type(own_id).__name__} in {config.id_field!r}", "a string or a whole number")
    return Row(row_id, text, positive, unannotated, file, number, own_id not in (None, ""), comparable)


def normalised(text: str) -> str:
    """The text as duplicates are compared: compatibility forms, case, invisible characters and white space unified."""
    if text.isascii():  # has no other forms and nothing invisible
        return " ".join(text.lower().split())
    visible = text.translate(_invisible())
    return " ".join(unicodedata.normalize("NFKC", visible).casefold().split())


@functools.cache
def _invisible() -> dict[int, None]:
    return {code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}


class _Bad(Exception):
    def __init__(self, kind: str, found: str, expected: str) -> None:
        super().__init__(found)
        self.kind, self.found, self.expected = kind, found, expected


def _labels(record: Mapping[str, Any], config: DataConfig) -> tuple[frozenset[str], frozenset[str]]:
    if config.labels_field:
        return _listed_labels(record.get(config.labels_field), config.labels_field), frozenset()
    if config.class_field:
        return _class_label(record.get(config.class_field), config), frozenset()
    missing = [name for name in config.label_fields if name not in record]
    if missing:
        raise _Bad("missing_field", f"no field {', '.join(missing)}", f"the fields {', '.join(config.label_fields)}")
    values = {name: _column_value(record[name], name) for name in config.label_fields}
    if all(value is None for value in values.values()):
        raise _Bad("missing_field", "no label column with a value", "0 or 1 in at least one label column")
    positive = frozenset(name for name, value in values.items() if value)
    return positive, frozenset(name for name, value in values.items() if value is None)


def _listed_labels(value: Any, field: str) -> frozenset[str]:
    if value is None:
        raise _Bad("missing_field", f"no {field!r}", "a list of labels, empty for a clean row")
    if isinstance(value, str):  # CSV has no lists
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise _Bad(
                    "broken_row", f"{_shown(value)} in {field!r}", "a JSON list or names with | between"
                ) from None
        else:
            value = [name.strip() for name in value.split("|") if name.strip()]
    if not isinstance(value, list):
        raise _Bad("broken_row", f"{type(value).__name__} in {field!r}", "a list of labels")
    for item in value:
        if not isinstance(item, str) or not item.strip():
            raise _Bad("broken_row", f"{_shown(item)} in {field!r}", "the name of a label")
    return frozenset(item.strip() for item in value)


def _class_label(value: Any, config: DataConfig) -> frozenset[str]:
    names = [str(value)]
    if isinstance(value, Class):
        names = [str(value.number), value.name] if value.name is not None else []
    elif isinstance(value, float) and value.is_integer():
        names = [str(int(value))]
    elif isinstance(value, bool):
        names = [str(int(value)), str(value).lower()]
    elif value is not None and not isinstance(value, str | int):
        raise _Bad("broken_row", f"{type(value).__name__} in {config.class_field!r}", "the name or number of a class")
    if value is None or value == "" or names in ([], ["-1"]):
        raise _Bad("missing_field", f"no class in {config.class_field!r}", "the name or number of a class")
    if not config.classes:  # every class is a label
        return frozenset(names[-1:])
    return frozenset(config.classes[name] for name in names if name in config.classes)


def _column_value(value: Any, name: str) -> bool | None:
    if isinstance(value, str):
        value = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "": None}.get(value.strip().lower(), value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if value not in (0, 1):
        raise _Bad("broken_row", f"{_shown(value)} in the label column {name!r}", "0, 1 or nothing")
    return bool(value)


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")


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
        _check_columns(header if isinstance(header, list) else [], file, config)
        number = 0
        lines.taken.clear()
        while (values := _next_csv_row(reader, file, number)) is not None:
            number += 1
            if isinstance(values, Problem):
                lines.resume()
                yield number, values
            elif not values:
                pass  # a blank line between rows, as spreadsheets leave them at the end
            elif len(values) != len(header):
                lines.resume()
                found, expected = f"{len(values)} fields", f"{len(header)}, as in the header"
                yield number, Problem("broken_row", file, number, found, expected)
            else:
                yield number, dict(zip(header, values, strict=True))
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
        wanted = {config.id_field, *_needed_columns(config)}
        columns = [name for name in table.schema_arrow.names if name in wanted]
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
    labels = list(config.label_fields) or [config.labels_field or config.class_field]
    return [config.text_field, *labels]


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
