"""Opens data files, whatever compresses them, and says what a file seems to be that is not what its name says."""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

MAXIMUM_LINE_BYTES = 10_000_000
DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError)
"""What reading a damaged or cut-off file raises, compressed or not."""
COMPRESSIONS: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
HEAD_BYTES = 4096
# First bytes, and what begins so
SIGNATURES = (
    (b"PK\x03\x04", "a zip archive, as .xlsx spreadsheets are"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
# Names of fields that can be repeated in a message: no text of a row looks like one
FIELD_NAME = re.compile(r"[^\W\d][\w.:/-]{0,39}\Z")
SHOWN_NAMES = 30


def kind_of(name: str) -> str:
    """`.csv` of `rows.CSV.gz`: the ending that says how a file is read, in lower case; empty without one."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix


def open_data(path: Path, file: str, expected: str) -> BinaryIO:
    """The bytes of a data file, called `file` in messages, decompressed.

    Raises ValueError where they are plainly not what is expected, for example "CSV in UTF-8".
    """
    try:
        with _decompressed(path) as stream:
            head = stream.read(HEAD_BYTES)
    except DAMAGED as error:
        raise damaged(file, 0, error) from error
    if other := seems_to_be(head):
        raise ValueError(
            f"{file}: found {other}, expected {expected}; save or export it again as that, or give it its own ending"
        )
    return _decompressed(path)


def _decompressed(path: Path) -> BinaryIO:
    opener = COMPRESSIONS.get(path.suffix.lower())
    return cast(BinaryIO, opener(path)) if opener else path.open("rb")


def seems_to_be(head: bytes) -> str | None:
    """What a file with these first bytes plainly is instead of text in UTF-8; None where it may be text."""
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.count(0) > len(head) // 4:
        return "text in UTF-16" if head.count(0) <= 0.6 * len(head) else "binary data"
    return None


def damaged(file: str, row: int, error: BaseException) -> ValueError:
    """The reason for a file that ends or breaks in the middle."""
    return ValueError(
        f"{file}, after row {row}: found a damaged or cut-off file ({type(error).__name__}), expected a complete one; "
        "upload the file again"
    )


def shown_names(names: Iterable[object]) -> str:
    """Field names in words. What looks like no name is counted, not repeated: without a header, a text stands there."""
    all_names = [str(name) for name in names]
    plain = [name for name in all_names if name.isascii() and FIELD_NAME.match(name)][:SHOWN_NAMES]
    rest = len(all_names) - len(plain)
    if not all_names:
        return "none"
    others = f"{rest} that are no plain name{'s' if rest > 1 else ''}" if rest else ""
    return " and ".join(filter(None, [", ".join(plain), others]))
