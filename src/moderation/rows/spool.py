"""Keeps accepted rows on disk in buckets, and in memory only what is decided over all rows at once: 60 bytes a row."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moderation.rows.near_duplicates import Signatures
from moderation.rows.row import Problem, Row

BUCKETS = 64  # by the order key; the rows of one are in memory at a time
FLUSH_ROWS = 8192
FLUSH_CHARACTERS = 16_000_000
# Of each row, in memory
FACTS: dict[str, Any] = {
    "combination": np.int32,
    "characters": np.int32,
    "file_number": np.int32,
    "row": np.int64,
    "own_id": np.bool_,
}
ROWS_FILE, NAMES_FILE = "rows.npz", "names.json"


@dataclass(frozen=True)
class Stretch:
    """Rows that follow each other in a saved spool; at least one."""

    directory: Path
    """Of the spool."""
    first: int
    """Number of its first row there."""
    rows: int


class Spool:
    """Rows in the order in which they were read: row number 0 is the first one added."""

    def __init__(self, directory: Path, seed: int, similarity: float | None) -> None:
        """`similarity` from which texts are near-duplicates, or None where nobody asks for them."""
        import pyarrow as pa

        directory.mkdir(parents=True)
        self._directory, self._seed = directory, seed
        self._schema = pa.schema([("number", pa.int64()), ("id", pa.string()), ("text", pa.large_string())])
        self._writers: dict[int, Any] = {}
        self._waiting: list[Row] = []
        self._waiting_characters = 0
        self._keys, self._digests = bytearray(), bytearray()
        self._facts = {name: bytearray() for name in FACTS}
        self._combinations: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        self._files: dict[str, int] = {}
        self._saved: dict[Path, np.ndarray] = {}
        self.rows = 0
        self.signatures = None if similarity is None else Signatures(directory / "signatures", similarity)

    def add(self, row: Row) -> None:
        """Take the next row."""
        self._waiting.append(row)
        self._waiting_characters += len(row.text)
        if len(self._waiting) == FLUSH_ROWS or self._waiting_characters >= FLUSH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        rows, self._waiting, self._waiting_characters = self._waiting, [], 0
        prefix = f"{self._seed}|"
        keys = b"".join(_digest(prefix + row.id) for row in rows)
        self._keys += keys
        self._digests += b"".join(text_digest(row.comparable) for row in rows)
        self._note_facts(rows)
        if self.signatures:
            for row in rows:
                self.signatures.add(row.comparable)

        # the first byte of a key decides the bucket: all keys of a bucket are above those of the one before
        buckets = np.frombuffer(keys, np.uint8)[::16] // (256 // BUCKETS)
        self._write_texts(rows, buckets)
        self.rows += len(rows)

    def _note_facts(self, rows: list[Row]) -> None:
        combinations, files = self._combinations, self._files
        facts: dict[str, list[int]] = {
            "combination": [
                combinations.setdefault((row.positive, row.unannotated), len(combinations)) for row in rows
            ],
            "characters": [len(row.text) for row in rows],
            "file_number": [files.setdefault(row.file, len(files)) for row in rows],
            "row": [row.row for row in rows],
            "own_id": [row.has_own_id for row in rows],
        }
        for name, values in facts.items():
            self._facts[name] += np.array(values, FACTS[name]).tobytes()

    def _write_texts(self, rows: list[Row], buckets: np.ndarray) -> None:
        """Write number, id and text of rows to their buckets (rows)."""
        import pyarrow as pa

        batch = pa.record_batch(
            [
                pa.array(np.arange(self.rows, self.rows + len(rows))),
                pa.array([row.id for row in rows], pa.string()),
                pa.array([row.text for row in rows], pa.large_string()),
            ],
            schema=self._schema,
        )
        order = np.argsort(buckets, kind="stable")
        bounds = np.searchsorted(buckets[order], np.arange(BUCKETS + 1))
        for bucket in np.flatnonzero(np.diff(bounds)).tolist():
            if bucket not in self._writers:
                self._writers[bucket] = pa.ipc.new_stream(str(self._path(bucket)), self._schema)
            self._writers[bucket].write_batch(batch.take(pa.array(order[bounds[bucket] : bounds[bucket + 1]])))

    def finish(self) -> None:
        """Write what waits; no row can be added any more, and the arrays below can be read."""
        if self._waiting:
            self._flush()
        for writer in self._writers.values():
            writer.close()

    def save(self) -> None:
        """Finish, and write what is in memory beside the rest, so that `merged` finds these rows again."""
        self.finish()
        if self.signatures:
            self.signatures.finish()

        arrays: dict[str, Any] = {name: np.frombuffer(self._facts[name], kind) for name, kind in FACTS.items()}
        for name, memory in (("keys", self._keys), ("digests", self._digests)):
            arrays[name] = np.frombuffer(memory, np.uint8).reshape(-1, 16)
        np.savez(self._directory / ROWS_FILE, **arrays)
        names = {
            "combinations": [[sorted(positive), sorted(unannotated)] for positive, unannotated in self._combinations],
            "files": list(self._files),
        }
        (self._directory / NAMES_FILE).write_text(json.dumps(names), encoding="utf-8")

    @classmethod
    def merged(cls, directory: Path, seed: int, similarity: float | None, stretches: Sequence[Stretch]) -> "Spool":
        """All rows of some saved spools, in the order of the stretches, as if they had been added one by one.

        Their texts stay where they are.
        """
        spool = cls(directory, seed, similarity)
        spool.rows = sum(stretch.rows for stretch in stretches)
        spool._keys, spool._digests = bytearray(16 * spool.rows), bytearray(16 * spool.rows)
        spool._facts = {name: bytearray(np.dtype(kind).itemsize * spool.rows) for name, kind in FACTS.items()}
        for source, numbers in _numbers(stretches).items():
            spool._adopt(source, numbers)
        if spool.signatures:
            spool.signatures.take(
                [(stretch.directory / "signatures", stretch.first, stretch.rows) for stretch in stretches]
            )
        return spool

    def _adopt(self, source: Path, numbers: np.ndarray) -> None:
        names = json.loads((source / NAMES_FILE).read_text(encoding="utf-8"))
        pairs = [(frozenset(positive), frozenset(unannotated)) for positive, unannotated in names["combinations"]]
        # the numbers of the saved spool's names among all names
        renumbered = {
            "combination": [self._combinations.setdefault(pair, len(self._combinations)) for pair in pairs],
            "file_number": [self._files.setdefault(file, len(self._files)) for file in names["files"]],
        }
        with np.load(source / ROWS_FILE) as saved:
            for name, kind in FACTS.items():
                values = np.array(renumbered[name], kind)[saved[name]] if name in renumbered else saved[name]
                np.frombuffer(self._facts[name], kind)[numbers] = values
            for name, memory in (("keys", self._keys), ("digests", self._digests)):
                np.frombuffer(memory, np.uint8).reshape(-1, 16)[numbers] = saved[name]
        self._saved[source] = numbers

    def _path(self, bucket: int) -> Path:
        return self._directory / f"bucket-{bucket:03d}.arrow"

    @property
    def keys(self) -> np.ndarray:
        """(rows, 2) digests of seed and id: equal for equal ids, and the order in which rows are written."""
        return np.frombuffer(self._keys, ">u8").reshape(-1, 2).astype(np.uint64)

    @property
    def digests(self) -> np.ndarray:
        """(rows, 2) digests of the normalised texts."""
        return np.frombuffer(self._digests, ">u8").reshape(-1, 2).astype(np.uint64)

    @property
    def combination(self) -> np.ndarray:
        """(rows,) index into `combinations`."""
        return np.frombuffer(self._facts["combination"], np.int32)

    @property
    def combinations(self) -> list[tuple[frozenset[str], frozenset[str]]]:
        """Every pair of positive and unannotated labels that some row has."""
        return list(self._combinations)

    @property
    def characters(self) -> np.ndarray:
        """(rows,) length of the texts as stored."""
        return np.frombuffer(self._facts["characters"], np.int32)

    @property
    def own_id(self) -> np.ndarray:
        """(rows,) False where the id is the hash of the text."""
        return np.frombuffer(self._facts["own_id"], np.bool_)

    def problem(self, kind: str, row: int, found: str, expected: str) -> Problem:
        """What is wrong with an accepted row after all."""
        file, number = self._place(row)
        return Problem(kind, file, number, found, expected)

    def place(self, row: int) -> str:
        """File and row in words."""
        return "{}, row {}".format(*self._place(row))

    def _place(self, row: int) -> tuple[str, int]:
        file = np.frombuffer(self._facts["file_number"], np.int32)[row]
        return list(self._files)[file], int(np.frombuffer(self._facts["row"], np.int64)[row])

    def buckets(self) -> Iterator[Any]:
        """Tables with number, id and text; the order keys of a bucket's rows are all above those of the one before."""
        import pyarrow as pa

        for bucket in range(BUCKETS):
            tables = [_read(self._path(bucket))] if self._path(bucket).is_file() else []
            for source, numbers in self._saved.items():
                path = source / self._path(bucket).name
                if path.is_file():
                    table = _read(path)
                    tables.append(table.set_column(0, "number", pa.array(numbers[table["number"].to_numpy()])))
            if tables:
                yield pa.concat_tables(tables)


def _read(path: Path) -> Any:
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


def _numbers(stretches: Sequence[Stretch]) -> dict[Path, np.ndarray]:
    """For each saved spool (rows,): the number that each of its rows has among all."""
    rows = Counter[Path]()
    for stretch in stretches:
        rows[stretch.directory] += stretch.rows
    numbers = {directory: np.empty(count, np.int64) for directory, count in rows.items()}
    start = 0
    for stretch in stretches:
        part = slice(stretch.first, stretch.first + stretch.rows)
        numbers[stretch.directory][part] = np.arange(start, start + stretch.rows)
        start += stretch.rows
    return numbers


def text_digest(comparable: str) -> bytes:
    """16 bytes that stand for a normalised text."""
    return _digest(comparable)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
