"""The `data` section of moderation.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from contract.kinds.kinds import SETTINGS, Label, Name
from contract.strict.checking import checked_section
from contract.strict.document import Document, read_document

Action = Literal["stop", "drop"]
Meaning = Literal["positive", "negative", "not_annotated"]


@dataclass(frozen=True, config=SETTINGS)
class BadRows:
    """What happens to each kind of bad row: `stop` ends the preparation, `drop` leaves the row out and counts it."""

    broken_row: Action = "stop"
    """Not a JSON object, a CSV line with too few or too many fields, a value of the wrong type."""
    missing_field: Action = "stop"
    """The text or the labels are absent."""
    unknown_label: Action = "stop"
    """A label that `labels` does not list."""
    empty_text: Action = "drop"
    """Nothing but white space and invisible characters."""
    duplicate_id: Action = "stop"
    """An id that an earlier row has."""
    duplicate_text: Action = "drop"
    """The text of another row, compared after normalisation; the row with the smallest id stays."""
    between_splits: Action = "drop"
    """A new text nearly the same as rows that an earlier dataset put into different splits."""
    not_utf8: Action = "stop"
    """Bytes or code points that are not text."""


def _similarity(value: Any) -> Any:
    if value is None or value is False or value == "off":  # YAML reads a bare `off` as false
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value < 1:
        raise ValueError(f"found {value!r}, expected a similarity from 0.5 up to 1, or off")
    return float(value)


DEFAULT_SOURCE = "raw/"
"""The one prefix that may be empty: then the demonstration set stands in."""
DEMONSTRATION = "demonstration"
"""What manifest and report call the source of made-up rows."""


def _source(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("hub:") and not all(value.removeprefix("hub:").partition("@")):
        raise ValueError(
            f"found {value!r}, expected hub:<dataset id>@<revision>; pin a commit, so that the same commit of this "
            "repository always reads the same rows"
        )
    if isinstance(value, str) and not value.startswith("hub:") and value != DEMONSTRATION:
        parts = value.rstrip("/").split("/")
        if ":" in parts[0] or not all(part.strip(" .") for part in parts) or value != value.strip():
            raise ValueError(
                f"found {value!r}, expected a prefix in the data bucket such as {DEFAULT_SOURCE} (without s3://, "
                "bucket or a slash in front), or hub:<dataset id>@<revision>"
            )
        return "/".join(parts) + "/"  # `raw` must not read `raw-old/`
    return value


Labels = Annotated[tuple[Label, ...], Field(strict=False)]


@dataclass(frozen=True, config=SETTINGS)
class DataConfig:
    """Where labelled text comes from, how a row looks, and how rows are split."""

    source: Annotated[str, BeforeValidator(_source)] = DEFAULT_SOURCE
    """`hub:<dataset id>@<revision>`, or a prefix whose files arrive in the input directory."""
    hub_config: Annotated[Name, Field(min_length=1)] | None = None
    """Configuration of the Hub dataset, where it has several."""
    hub_splits: Labels = ()
    """Splits of the Hub dataset to read; empty: all of them. Rows are split anew."""
    id_field: Annotated[Name, Field(min_length=1)] = "id"
    """Field with the row's id; a row without it gets the hash of its text."""
    text_field: Annotated[Name, Field(min_length=1)] = "text"
    """Field with the text."""
    labels_field: Name | None = None
    """Field with the list of positive labels; this, `label_fields` or `class_field`."""
    label_fields: Labels = ()
    """Fields that each hold 0, 1 or nothing (not annotated) for the label of that name."""
    class_field: Name | None = None
    """Field with one class a row."""
    classes: Mapping[str, Label] = Field(default_factory=dict)
    """The label of each class, by its name or number; a class not named here is clean. With `labels_field`: the label
    of each number in the list."""
    multi_hot: Labels = ()
    """With `labels_field`: the labels of the places in a list of 0 and 1."""
    label_values: Mapping[str, Meaning] = Field(default_factory=dict)
    """What values in label columns stand for, besides 1 and 0, true and false, yes and no, and nothing."""
    positive_from: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of annotators from which a label applies, where label columns hold shares."""
    absent_labels: Literal["stop", "not_annotated"] = "stop"
    """What a record without one of `label_fields` means."""
    columns: Labels = ()
    """Names of the columns of CSV and TSV files that have no header."""
    labels: Labels = ()
    """The labels and no others; empty: those found in the data."""
    bad_rows: BadRows = Field(default_factory=BadRows)
    """What to do with rows that can't be used."""
    near_duplicates: Annotated[float | None, BeforeValidator(_similarity)] = 0.8
    """Similarity from which two texts must share a split; None (`off`): only equal texts are duplicates."""
    minimum_positives: Annotated[int, Field(ge=1)] = 5
    """Positive rows that every label needs in the whole set."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the rows on which thresholds are chosen."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of the rows on which the model is evaluated."""
    seed: Annotated[int, Field(ge=0)] = 13
    """Seed of the split and of the demonstration set."""

    def __post_init__(self) -> None:
        layouts = [name for name in ("labels_field", "label_fields", "class_field") if getattr(self, name)]
        if len(layouts) != 1:
            named = " and ".join(layouts) or "none of them"
            raise ValueError(
                f"found {named}, expected exactly one of labels_field, label_fields, class_field; "
                "remove the lines of the layouts that the data does not have"
            )
        if self.classes and not (self.class_field or self.labels_field):
            raise ValueError("found classes without class_field or labels_field; name the field that holds the class")
        if (self.hub_config or self.hub_splits) and not self.source.startswith("hub:"):
            raise ValueError("found hub_config or hub_splits, but source names no Hub dataset (hub:<id>@<revision>)")
        if self.multi_hot and not self.labels_field:
            raise ValueError("found multi_hot without labels_field; name the field that holds the list of 0 and 1")
        for name in ("labels", "label_fields", "multi_hot", "columns"):
            if twice := sorted({label for label in getattr(self, name) if getattr(self, name).count(label) > 1}):
                raise ValueError(f"{name}: found {', '.join(twice)} twice, expected each name once")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"validation_fraction + test_fraction: found {self.validation_fraction + self.test_fraction:g}, "
                "expected less than 1 so that rows are left to train on"
            )


def data_section(document: Document) -> DataConfig:
    """The `data` section of a moderation.yaml. Raises ValueError for each mistake in it, and where it is absent."""
    if not isinstance(document.content.get("data"), dict):
        raise ValueError(f"{document.name}: data: found no such section, expected a mapping with the key labels_field")
    return checked_section(DataConfig, document, "data")


def read_data_config(path: Path) -> DataConfig:
    """The `data` section of a moderation.yaml file."""
    return data_section(read_document(path))
