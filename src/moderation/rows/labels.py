"""The labels of a record, by what its values mean: a list, one column a label, or one class.

However a value is spelt, `1`, `1.0` and ` 1 ` are one number, ` spam` is spam, and the words for a missing value are no
value. What can be read in two ways is not guessed: it stops with what was found.
"""

import ast
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.row import shown

# What pandas takes for a missing value when it reads a table
MISSING_WORDS = frozenset(
    "#n/a|#n/a n/a|#na|-1.#ind|-1.#qnan|-nan|1.#ind|1.#qnan|<na>|n/a|na|null|nan|none".split("|")  # noqa: SIM905
)
TRUTH_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "t", "y"), True),
    **dict.fromkeys(("0", "false", "no", "f", "n"), False),
}
SEPARATORS = re.compile(r"[,;#]")
# `1`, `1.0`, `+1.`; a number with leading zeros is a name
WHOLE_NUMBER = re.compile(r"([-+]?)(0|[1-9]\d*)(?:\.0*)?\Z", re.ASCII)
INVISIBLE_ENDS = "\ufeff\u200b\u200c\u200d\u2060"
NOT_ANNOTATED_CLASS = "-1"  # of Hub datasets


@dataclass(frozen=True, slots=True)
class Class:
    """A ClassLabel value: its number, and its name unless the row is not annotated (-1)."""

    number: int
    name: str | None


class UnusableLabels(Exception):
    """Why the labels of a record can't be used."""

    def __init__(self, kind: str, found: str, expected: str) -> None:
        super().__init__(found)
        self.kind, self.found, self.expected = kind, found, expected


def plain_name(value: Any) -> str | None:
    """The name or number that a value stands for, spelt in one way; None where it is missing.

    Raises TypeError for what is neither text nor a number.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    text = unicodedata.normalize("NFC", value).strip().strip(INVISIBLE_ENDS).strip()
    if not text or text.lower() in MISSING_WORDS:
        return None
    number = WHOLE_NUMBER.match(text)
    return f"{number[1].replace('+', '')}{number[2]}".replace("-0", "0") if number else text


def parts_of(name: str) -> list[str]:
    """What stands between commas, semicolons and hashes of a name; the name alone where it has none."""
    parts = [part for part in map(plain_name, SEPARATORS.split(name)) if part is not None]
    return parts if len(parts) > 1 else [name]


@dataclass(frozen=True)
class LabelReader:
    """Reads the labels of records as the configuration says."""

    config: DataConfig

    def labels(self, record: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
        """The labels that apply and those that nobody decided. Raises UnusableLabels where there are none to read."""
        config = self.config
        if config.labels_field:
            return self._listed(record.get(config.labels_field), config.labels_field)
        if config.class_field:
            return self._of_class(record.get(config.class_field), config.class_field), frozenset()
        return self._columns(record)

    @cached_property
    def _classes(self) -> dict[str, str]:
        return {plain_name(name) or name: label for name, label in self.config.classes.items()}

    @cached_property
    def _values(self) -> dict[str, bool | None]:
        """What a label column's values stand for: True, False, or None where nobody decided."""
        meanings = {"positive": True, "negative": False, "not_annotated": None}
        named = self.config.label_values
        own = {(plain_name(value) or value).lower(): meanings[meaning] for value, meaning in named.items()}
        return {**TRUTH_WORDS, **own}

    def _columns(self, record: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
        names = self.config.label_fields
        absent = [name for name in names if name not in record]
        if absent and self.config.absent_labels == "stop":
            raise UnusableLabels(
                "missing_field",
                f"no field {', '.join(absent)}",
                f"the fields {', '.join(names)}; where an absent one means that nobody decided, set "
                "data.absent_labels to not_annotated",
            )
        values = {name: self._decided(record.get(name), f"the label column {name!r}") for name in names}
        return _positive_and_open(values, "0 or 1 in at least one label column")

    def _decided(self, value: Any, where: str) -> bool | None:
        """Whether a label applies, by the value of its column; None where nobody decided."""
        try:
            name = plain_name(value)
        except TypeError as error:
            raise UnusableLabels("broken_row", f"{error} in {where}", "0, 1 or nothing") from None
        # a word for missing may be given a meaning of its own
        spelling = str(value).strip().lower() if name is None else name.lower()
        if spelling in self._values:
            return self._values[spelling]
        if name is None:
            return None
        threshold = self.config.positive_from
        if threshold is not None and (share := _share(name)) is not None:
            return share >= threshold
        raise UnusableLabels(
            "broken_row",
            f"{shown(value)} in {where}",
            "0, 1 or nothing; data.label_values says what other values stand for, data.positive_from from which "
            "share of annotators a label applies",
        )

    def _of_class(self, value: Any, field: str) -> frozenset[str]:
        names = self._class_names(value, field)
        if not names or (names == [NOT_ANNOTATED_CLASS] and NOT_ANNOTATED_CLASS not in self._classes):
            raise UnusableLabels("missing_field", f"no class in {field!r}", "the name or number of a class")
        if not self._classes:  # every class is a label
            return frozenset(self._separated(names[-1]))
        labels = frozenset(self._classes[name] for name in names if name in self._classes)
        parts = parts_of(names[-1])
        if labels or len(parts) == 1:
            return labels
        named = [part for part in parts if part in self._classes]
        if named and len(named) < len(parts):
            raise UnusableLabels(
                "broken_row", f"{shown(value)} in {field!r}", "one class, or several that data.classes names"
            )
        return frozenset(self._classes[part] for part in named)

    def _class_names(self, value: Any, field: str) -> list[str]:
        """Under what names data.classes may know a class: its number, then its name."""
        if isinstance(value, Class):
            return [] if value.name is None else [str(value.number), plain_name(value.name) or value.name]
        if isinstance(value, bool):
            return [str(int(value)), str(value).lower()]
        if isinstance(value, str) and (own := value.strip()) in self._classes:
            return [own]  # data.classes may name a word for missing
        try:
            name = plain_name(value)
        except TypeError as error:
            raise UnusableLabels("broken_row", f"{error} in {field!r}", "the name or number of a class") from None
        return [] if name is None else [name]

    def _listed(self, value: Any, field: str) -> tuple[frozenset[str], frozenset[str]]:
        items = self._items(value, field)
        if isinstance(items, Mapping):
            values = {
                label: self._decided(item, f"{field!r}")
                for name, item in items.items()
                for label in self._names(name, field)
            }
            return _positive_and_open(values, f"a share or 0 and 1 for the labels in {field!r}", all_may_be_open=False)
        if self.config.multi_hot:
            return self._multi_hot(items, field)
        return frozenset(label for item in items for label in self._names(item, field)), frozenset()

    def _items(self, value: Any, field: str) -> list[Any] | Mapping[Any, Any]:
        """A list of labels, or label to value, however the cell is written."""
        expected = "a list of labels, empty for a clean row"
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise UnusableLabels("missing_field", f"no {field!r}", expected)
        if isinstance(value, str):
            text = value.strip()
            if text.lower() in MISSING_WORDS and text not in self.config.labels:
                raise UnusableLabels("missing_field", f"the word {text!r} in {field!r}", expected)
            value = _literal(text, field) if text[:1] in ("[", "{", "(") else text.split("|") if text else []
            # a bar at the end, as exports leave it
            value = [item for item in value if item != ""] if isinstance(value, list) else value
        if isinstance(value, bool | int | float):
            raise UnusableLabels("broken_row", f"{shown(value)} in {field!r}", expected)
        if isinstance(value, list | tuple | Mapping):
            return list(value) if isinstance(value, tuple) else value
        raise UnusableLabels("broken_row", f"{type(value).__name__} in {field!r}", expected)

    def _names(self, item: Any, field: str) -> list[str]:
        """The labels that an item of a list names, or those that data.classes gives its numbers."""
        if isinstance(item, str) and item.strip() in self.config.labels:
            return [item.strip()]
        try:
            name = plain_name(item)
        except TypeError:
            name = None
        if name is None:
            raise UnusableLabels("broken_row", f"{shown(item)} in {field!r}", "the name of a label")
        if self._classes:
            parts = [name] if name in self._classes else parts_of(name)
            if all(part in self._classes for part in parts):
                return [self._classes[part] for part in parts]
            raise UnusableLabels(
                "unknown_label", f"{shown(item)} in {field!r}", f"one of {', '.join(self._classes)} as in data.classes"
            )
        if isinstance(item, bool | int | float):
            raise UnusableLabels(
                "broken_row",
                f"the number {shown(item)} in {field!r}",
                'the name of a label; data.classes gives names to numbers ({"0": insult}), data.multi_hot to places',
            )
        return self._separated(name)

    def _multi_hot(self, items: Iterable[Any], field: str) -> tuple[frozenset[str], frozenset[str]]:
        names, values = self.config.multi_hot, list(items)
        if len(values) != len(names):
            raise UnusableLabels(
                "broken_row",
                f"a list of {len(values)} in {field!r}",
                f"{len(names)} values, one for each name in data.multi_hot",
            )
        decided = {name: self._decided(value, f"{field!r}") for name, value in zip(names, values, strict=True)}
        return _positive_and_open(decided, f"0 or 1 in {field!r}")

    def _separated(self, name: str) -> list[str]:
        """The labels in one cell: several where data.labels knows the parts between separators, and not the whole.

        Without data.labels the whole stands until all rows were read: then it is known which parts are labels.
        """
        labels = self.config.labels
        if not labels or name in labels:
            return [name]
        parts = parts_of(name)
        return parts if all(part in labels for part in parts) else [name]


def _positive_and_open(
    values: Mapping[str, bool | None], expected: str, all_may_be_open: bool = False
) -> tuple[frozenset[str], frozenset[str]]:
    if values and not all_may_be_open and all(value is None for value in values.values()):
        raise UnusableLabels("missing_field", "no label with a value", expected)
    positive = frozenset(name for name, value in values.items() if value)
    return positive, frozenset(name for name, value in values.items() if value is None)


def _share(text: str) -> float | None:
    """A number from 0 to 1, with a point or a comma; None for anything else."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _literal(text: str, field: str) -> Any:
    """A cell that is written as JSON, or as Python prints a list."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise UnusableLabels(
            "broken_row", f"{shown(text)} in {field!r}", "a JSON list, or names with | between"
        ) from None
