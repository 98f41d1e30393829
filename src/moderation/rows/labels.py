"""The labels of a record: a list, one column a label, or one class."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.row import shown


@dataclass(frozen=True, slots=True)
class Class:
    """A ClassLabel value: its number, and its name unless the row is not annotated (-1)."""

    number: int
    name: str | None


class BadLabels(Exception):
    """Why a record's labels can't be used."""

    def __init__(self, kind: str, found: str, expected: str) -> None:
        """`kind`: a field of BadRows."""
        super().__init__(found)
        self.kind, self.found, self.expected = kind, found, expected


def labels_of(record: Mapping[str, Any], config: DataConfig) -> tuple[frozenset[str], frozenset[str]]:
    """The positive labels of a record and those that nobody decided. Raises BadLabels where they can't be used."""
    if config.labels_field:
        return _listed_labels(record.get(config.labels_field), config.labels_field), frozenset()
    if config.class_field:
        return _class_label(record.get(config.class_field), config), frozenset()
    missing = [name for name in config.label_fields if name not in record]
    if missing:
        raise BadLabels(
            "missing_field", f"no field {', '.join(missing)}", f"the fields {', '.join(config.label_fields)}"
        )
    values = {name: _column_value(record[name], name) for name in config.label_fields}
    if all(value is None for value in values.values()):
        raise BadLabels("missing_field", "no label column with a value", "0 or 1 in at least one label column")
    positive = frozenset(name for name, value in values.items() if value)
    return positive, frozenset(name for name, value in values.items() if value is None)


def _listed_labels(value: Any, field: str) -> frozenset[str]:
    if value is None:
        raise BadLabels("missing_field", f"no {field!r}", "a list of labels, empty for a clean row")
    if isinstance(value, str):  # CSV has no lists
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise BadLabels(
                    "broken_row", f"{shown(value)} in {field!r}", "a JSON list or names with | between"
                ) from None
        else:
            value = [name.strip() for name in value.split("|") if name.strip()]

    if not isinstance(value, list):
        raise BadLabels("broken_row", f"{type(value).__name__} in {field!r}", "a list of labels")
    for item in value:
        if not isinstance(item, str) or not item.strip():
            raise BadLabels("broken_row", f"{shown(item)} in {field!r}", "the name of a label")
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
        raise BadLabels(
            "broken_row", f"{type(value).__name__} in {config.class_field!r}", "the name or number of a class"
        )
    if value is None or value == "" or names in ([], ["-1"]):
        raise BadLabels("missing_field", f"no class in {config.class_field!r}", "the name or number of a class")
    if not config.classes:  # every class is a label
        return frozenset(names[-1:])
    return frozenset(config.classes[name] for name in names if name in config.classes)


def _column_value(value: Any, name: str) -> bool | None:
    if isinstance(value, str):
        value = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "": None}.get(value.strip().lower(), value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if value not in (0, 1):
        raise BadLabels("broken_row", f"{shown(value)} in the label column {name!r}", "0, 1 or nothing")
    return bool(value)
