"""Records of CSV and TSV files, with or without a header."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig
from moderation.rows import opening
from moderation.rows.columns import check_columns, needed_columns
from moderation.rows.opening import DAMAGED, damaged, kind_of, open_data
from moderation.rows.row import Problem

DELIMITERS = ",;\t|"


def csv_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Number and record of each row, or the problem with it; the header is row 0.

    Raises ValueError for a damaged file and for a header that lacks columns or has one twice.
    """
    csv.field_size_limit(opening.MAXIMUM_LINE_BYTES)
    with open_data(path, file, "CSV or TSV in UTF-8") as binary:
        # surrogateescape keeps bytes that are not UTF-8 recognisable, so that they are reported with their row
        lines = _Lines(io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline=""))
        delimiter = "\t" if kind_of(file) == ".tsv" else ","
        if config.columns:
            header = list(config.columns)
            check_columns(header, file, config)
            delimiter = _delimiter_of_rows(lines, file, delimiter, len(header))
        else:
            header, delimiter = _read_header(lines, file, config, delimiter)
        yield from _rows(lines, file, header, delimiter)


def _read_header(lines: "_Lines", file: str, config: DataConfig, delimiter: str) -> tuple[list[str], str]:
    """The names of the columns and what stands between them: what parts the header into the columns that are needed."""
    lines.taken.clear()
    first = _next_row(csv.reader(lines, strict=True, delimiter=delimiter), file, 0)
    line = "".join(lines.taken)
    headers = {delimiter: first if isinstance(first, list) else []}
    for other in DELIMITERS:
        if other != delimiter and other in line:
            try:
                headers[other] = next(csv.reader(io.StringIO(line, newline=""), strict=True, delimiter=other), [])
            except csv.Error:
                continue
    names = {found: [name.strip() for name in header] for found, header in headers.items()}
    needed = set(needed_columns(config))
    best = max(names, key=lambda found: (needed <= set(names[found]), found == delimiter))
    check_columns(names[best], file, config)
    lines.taken.clear()
    return names[best], best


def _delimiter_of_rows(lines: "_Lines", file: str, delimiter: str, columns: int) -> str:
    """What parts the first row of a file without a header into so many fields."""
    first = next(lines, "")
    lines.resume_all()
    for other in (delimiter, *DELIMITERS):
        try:
            if len(next(csv.reader(io.StringIO(first, newline=""), delimiter=other), [])) == columns:
                return other
        except csv.Error:
            continue
    return delimiter


def _rows(
    lines: "_Lines", file: str, header: list[str], delimiter: str
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    number = 0
    lines.taken.clear()
    while (values := _next_row(reader, file, number)) is not None:
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


class _Lines:
    """Lines of a CSV file that can be read again: a stray quote must not swallow the rows that follow."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        """The lines of the current row."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        limit = opening.MAXIMUM_LINE_BYTES
        line = self._again.popleft() if self._again else self._stream.readline(limit)
        if not line:
            raise StopIteration
        if len(line) == limit and not line.endswith(("\n", "\r")):
            while (rest := self._stream.readline(limit)) and not rest.endswith(("\n", "\r")):
                pass
            self.taken.append("")
            raise csv.Error("an endless line")
        self.taken.append(line)
        return line

    def resume(self) -> None:
        """Give the lines of a broken row out again, all but its first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken.clear()

    def resume_all(self) -> None:
        """Give all lines out again that were taken."""
        self._again.extendleft(reversed(self.taken))
        self.taken.clear()


def _next_row(reader: Iterator[list[str]], file: str, number: int) -> list[str] | Problem | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return Problem("broken_row", file, number + 1, f"broken CSV ({error})", "quoted fields with commas between")
    except DAMAGED as error:
        raise damaged(file, number, error) from error
