"""One labelled text, or why a row is none; nothing is left out in silence."""

import functools
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from contract.data.section import BadRows

EXAMPLES_PER_KIND = 10
# Of a wrong value: enough to recognise a label or a number, too little to publish a text
SHOWN_CHARACTERS = 30
SHOWN_WORDS = 3


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
        """Count what was counted elsewhere, of rows that come behind these."""
        self.rows_read += other.rows_read
        self.counts.update(other.counts)
        for kind, more in other.examples.items():
            examples = self.examples.setdefault(kind, [])
            examples += more[: EXAMPLES_PER_KIND - len(examples)]


def normalised(text: str) -> str:
    """The text as duplicates are compared: compatibility forms, case, invisible characters and white space unified."""
    if text.isascii():  # has no other forms and nothing invisible
        return " ".join(text.lower().split())
    visible = text.translate(_invisible())
    return " ".join(unicodedata.normalize("NFKC", visible).casefold().split())


def shown(value: Any) -> str:
    """A wrong value in words: itself where it may be a name or a number, otherwise what it is and how long."""
    if isinstance(value, str):
        if len(value) <= SHOWN_CHARACTERS and len(value.split()) <= SHOWN_WORDS:
            return ascii(value)
        return f"a text of {len(value)} characters"
    if value is None or isinstance(value, bool | int | float):
        return ascii(value)[:SHOWN_CHARACTERS]
    return type(value).__name__


@functools.cache
def _invisible() -> dict[int, None]:
    return {code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}
