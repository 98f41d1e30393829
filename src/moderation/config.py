"""The `data` and `evaluation` sections of moderation.yaml as frozen dataclasses; an unknown key is an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

ACTIONS = ("stop", "drop")


@dataclass(frozen=True)
class BadRows:
    """What happens to each kind of bad row: `stop` ends the preparation, `drop` leaves the row out and counts it."""

    broken_row: str = "stop"
    """Not a JSON object, a CSV line with too few or too many fields, a value of the wrong type."""
    missing_field: str = "stop"
    """The text or the labels are absent."""
    unknown_label: str = "stop"
    """A label that `labels` does not list."""
    empty_text: str = "drop"
    """Nothing but white space and invisible characters."""
    duplicate_id: str = "stop"
    """An id that an earlier row has."""
    duplicate_text: str = "drop"
    """The text of another row, compared after normalisation; the row with the smallest id stays."""
    between_splits: str = "drop"
    """A new text nearly the same as rows that an earlier dataset put into different splits."""
    not_utf8: str = "stop"
    """Bytes or code points that are not text."""

    def __post_init__(self) -> None:
        for name, action in vars(self).items():
            if action not in ACTIONS:
                raise ValueError(f"data.bad_rows.{name}: found {action!r}, expected one of {', '.join(ACTIONS)}")


@dataclass(frozen=True)
class DataConfig:
    """Where labelled text comes from, how a row looks, and how rows are split."""

    source: str = "raw/"
    """`hub:<dataset id>@<revision>`, or a prefix whose files arrive in the input directory."""
    id_field: str = "id"
    """Field with the row's id; a row without it gets the hash of its text."""
    text_field: str = "text"
    """Field with the text."""
    labels_field: str | None = None
    """Field with the list of positive labels; this, `label_fields` or `class_field`."""
    label_fields: tuple[str, ...] = ()
    """Fields that each hold 0, 1 or nothing (not annotated) for the label of that name."""
    class_field: str | None = None
    """Field with one class a row."""
    classes: Mapping[str, str] = field(default_factory=dict)
    """The label of each class, by its name or number; a class not named here is clean."""
    labels: tuple[str, ...] = ()
    """The labels and no others; empty: those found in the data."""
    bad_rows: BadRows = BadRows()
    """What to do with rows that can't be used."""
    near_duplicates: float | None = 0.8
    """Similarity from which two texts must share a split; None (`off`): only equal texts are duplicates."""
    minimum_positives: int = 5
    """Positive rows that every label needs in the whole set."""
    validation_fraction: float = 0.1
    """Share of the rows on which thresholds are chosen."""
    test_fraction: float = 0.25
    """Share of the rows on which the model is judged."""
    seed: int = 13
    """Seed of the split and of the demonstration set."""

    def __post_init__(self) -> None:
        layouts = [name for name in ("labels_field", "label_fields", "class_field") if getattr(self, name)]
        if len(layouts) != 1:
            found = " and ".join(f"data.{name}" for name in layouts) or "none of them"
            raise ValueError(
                f"found {found}, expected exactly one of data.labels_field, data.label_fields, data.class_field; "
                "remove the lines of the layouts that the data does not have"
            )
        if self.classes and not self.class_field:
            raise ValueError("found data.classes without data.class_field; name the field that holds the class")
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"data.{name}: found {getattr(self, name)}, expected a share between 0 and 1")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"data.validation_fraction + data.test_fraction: found "
                f"{self.validation_fraction + self.test_fraction:g}, expected less than 1 so that rows are left to "
                "train on"
            )
        if self.near_duplicates is not None and not 0.5 <= self.near_duplicates < 1:
            raise ValueError(
                f"data.near_duplicates: found {self.near_duplicates:g}, expected a similarity from 0.5 up to 1, or off"
            )
        if self.minimum_positives < 1:
            raise ValueError(f"data.minimum_positives: found {self.minimum_positives}, expected 1 or more")
        if self.source.startswith("hub:") and not all(self.source.removeprefix("hub:").partition("@")):
            raise ValueError(
                f"data.source: found {self.source!r}, expected hub:<dataset id>@<revision>; "
                "pin a commit, so that the same commit of this repository always reads the same rows"
            )


def load_data_config(path: Path) -> DataConfig:
    """Read the `data` section of a moderation.yaml.

    Raises ValueError for a file that is not a mapping, an unknown key, or a value of the wrong type.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise ValueError(f"{path}: found no `data` section, expected a mapping with the key `data`")
    return data_config(content["data"])


def data_config(section: Mapping[str, Any]) -> DataConfig:
    """Check a `data` section and turn it into a DataConfig."""
    values = dict(section)
    bad_rows = values.pop("bad_rows", {})
    checked = _known("data", DataConfig, values)
    for name in ("label_fields", "labels"):
        if name in checked:
            checked[name] = tuple(str(item) for item in _typed(f"data.{name}", checked[name], list))
    if "classes" in checked:
        classes = _typed("data.classes", checked["classes"], dict)
        checked["classes"] = {str(name): str(label) for name, label in classes.items()}
    for name in ("source", "id_field", "text_field", "labels_field", "class_field"):
        if checked.get(name) is not None:
            _typed(f"data.{name}", checked[name], str)
    for name in ("minimum_positives", "seed"):
        if name in checked:
            _typed(f"data.{name}", checked[name], int)
    for name in ("validation_fraction", "test_fraction"):
        if name in checked:
            _typed(f"data.{name}", checked[name], (int, float))
    if checked.get("near_duplicates") in (False, "off"):  # YAML reads a bare `off` as false
        checked["near_duplicates"] = None
    if checked.get("near_duplicates") is not None:
        _typed("data.near_duplicates", checked["near_duplicates"], (int, float))
    bad_rows = _known("data.bad_rows", BadRows, _typed("data.bad_rows", bad_rows, dict))
    return DataConfig(**checked, bad_rows=BadRows(**bad_rows))


@dataclass(frozen=True)
class EvaluationConfig:
    """What an evaluation does besides."""

    show_texts: bool = False
    """Whether report.html shows the texts of the worst mistakes."""
    behaviour: Path | None = None
    """CSV file with further functional cases."""


def load_evaluation_config(path: Path) -> EvaluationConfig:
    """Read the `evaluation` section of a moderation.yaml, without one the defaults; paths in it start where it lies.

    Raises ValueError for an unknown key, a value of the wrong type and a file that is not there.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = content.get("evaluation", {}) if isinstance(content, dict) else {}
    if not isinstance(section, dict):
        raise ValueError(f"evaluation: found {section!r}, expected a mapping with show_texts or behaviour")
    values = _known("evaluation", EvaluationConfig, section)
    show_texts, behaviour = values.get("show_texts", False), values.get("behaviour")
    if not isinstance(show_texts, bool):
        raise ValueError(f"evaluation.show_texts: found {show_texts!r}, expected true or false")
    if behaviour is None:
        return EvaluationConfig(show_texts)
    suite = path.parent / _typed("evaluation.behaviour", behaviour, str)
    if not suite.is_file():
        raise ValueError(f"evaluation.behaviour: found {behaviour!r}, expected the path of a CSV file beside {path}")
    return EvaluationConfig(show_texts, suite)


def _known(section: str, kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = [item.name for item in fields(kind)]
    for key in values:
        if key not in names:
            raise ValueError(f"{section}: found the unknown key {key!r}, expected one of {', '.join(names)}")
    return dict(values)


def _typed(name: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        expected = " or ".join(item.__name__ for item in kinds)
        raise ValueError(f"{name}: found {type(value).__name__} {value!r}, expected {expected}")
    return value
