"""labels.json: the labels in the order of every array, beside each split and in a model archive."""

from typing import NotRequired, TypedDict

LABELS_FILE = "labels.json"


class LabelsDocument(TypedDict):
    """labels.json."""

    labels: list[str]
    lineage: NotRequired[str]
    """Beside a split: version of the dataset that the splits go back to."""
