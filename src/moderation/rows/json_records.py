"""Records of JSONL files, and of JSON files that hold one list of objects."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from contract.data.section import DataConfig
from moderation.rows import opening
from moderation.rows.opening import DAMAGED, damaged, open_data
from moderation.rows.row import Problem

CHUNK_BYTES = 1 << 20
BLANKS = re.compile(r"[ \t\r\n]*")
# How a list of objects begins, where one object a line is expected
LIST_BEGINNING = re.compile(rb"\s*\[\s*(\{|$)")


class _TwiceError(ValueError):
    """An object that has a key twice."""


def jsonl_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Number and record of each line, or the problem with it; blank lines at the end are none."""
    with open_data(path, file, "JSONL in UTF-8: one JSON object a line") as stream:
        blank: list[int] = []
        for number, line in _lines(stream, file):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
                if LIST_BEGINNING.match(line):
                    yield from json_records(path, file, config)
                    return
            if not line.strip(b" \t\r\n"):
                blank.append(number)
                continue
            yield from ((empty, _blank_line(file, empty)) for empty in blank)
            blank = []
            yield number, json_record(line, file, number)


def json_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Number and record of each object of one list, or of the lines of a file that is JSONL after all."""
    with open_data(path, file, "JSON in UTF-8: one list of objects") as stream:
        if _first_character(stream, file) != b"[":
            yield from jsonl_records(path, file, config)
            return
        yield from _listed(stream, file)


def json_record(line: bytes, file: str, number: int) -> dict[str, Any] | Problem:
    """The object of one line, or what is wrong with it."""
    try:
        record = json.loads(line.decode(), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        return Problem("not_utf8", file, number, f"the byte 0x{line[error.start]:02x} at {error.start}", "UTF-8")
    except _TwiceError as error:
        return Problem("broken_row", file, number, str(error), "each key once")
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return Problem("broken_row", file, number, f"broken JSON ({reason})", "one JSON object a line")
    if not isinstance(record, dict):
        return Problem("broken_row", file, number, f"JSON {type(record).__name__}", "a JSON object")
    return record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError("an object with a key twice")
    return found


def _blank_line(file: str, number: int) -> Problem:
    return Problem("broken_row", file, number, "an empty or endless line", "one JSON object a line")


def _lines(stream: BinaryIO, file: str) -> Iterator[tuple[int, bytes]]:
    number, limit = 0, opening.MAXIMUM_LINE_BYTES
    while True:
        try:
            line = stream.readline(limit)
            if not line:
                return
            number += 1
            if len(line) == limit and not line.endswith(b"\n"):
                while (rest := stream.readline(limit)) and not rest.endswith(b"\n"):
                    pass
                line = b"null"  # no JSON object is that long: reported as a broken row
        except DAMAGED as error:
            raise damaged(file, number, error) from error
        yield number, line


def _first_character(stream: BinaryIO, file: str) -> bytes:
    try:
        head = stream.read(opening.HEAD_BYTES)
        stream.seek(0)
    except DAMAGED as error:
        raise damaged(file, 0, error) from error
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _listed(stream: BinaryIO, file: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """The objects of a list, decoded one by one, so that no file has to fit into memory."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    text = _Text(stream, file)
    text.take("[")
    number = 0
    while not text.take("]", optional=True):
        if number:
            text.take(",")
        number += 1
        try:
            record = text.decoded(decoder)
        except _TwiceError as error:
            raise ValueError(
                f"{file}, row {number}: found {error}, expected each key once; write the file again"
            ) from None
        if isinstance(record, dict):
            yield number, record
        else:
            yield number, Problem("broken_row", file, number, f"JSON {type(record).__name__}", "a JSON object")


class _Text:
    """The text of a stream, of which the part that is looked at is in memory."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self._stream, self._file = stream, file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._place, self._ended = "", 0, False

    def take(self, character: str, optional: bool = False) -> bool:
        """Go on behind a character that must, or may, come next."""
        self._skip_blanks()
        if self._text[self._place : self._place + 1] == character:
            self._place += 1
            return True
        if optional:
            return False
        raise ValueError(
            f"{self._file}: found broken JSON, expected {character!r} in a list of objects; write it again"
        )

    def decoded(self, decoder: json.JSONDecoder) -> Any:
        """The next value. Raises ValueError where it is broken, cut off or endless."""
        self._skip_blanks()
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._place > opening.MAXIMUM_LINE_BYTES:
                    raise ValueError(
                        f"{self._file}: found broken JSON ({error.msg}), expected a list of objects; write it again"
                    ) from None
                self._read()
                continue
            except RecursionError:
                raise ValueError(
                    f"{self._file}: found JSON that is nested too deeply, expected a list of objects"
                ) from None
            self._place = end
            return value

    def _skip_blanks(self) -> None:
        while True:
            blanks = BLANKS.match(self._text, self._place)
            self._place = blanks.end() if blanks else self._place
            if self._place < len(self._text) or self._ended:
                return
            self._read()

    def _read(self) -> None:
        try:
            chunk = self._stream.read(CHUNK_BYTES)
            self._text = self._text[self._place :] + self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise ValueError(
                f"{self._file}: found the byte 0x{byte:02x}, expected UTF-8; save the file as that"
            ) from None
        except DAMAGED as error:
            raise damaged(self._file, 0, error) from error
        self._place, self._ended = 0, not chunk
