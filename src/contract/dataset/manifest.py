"""manifest.json: what makes a directory a prepared dataset, written last by prepare.py and checked when published."""

from typing import Any

from typing_extensions import TypedDict

MANIFEST_FILE = "manifest.json"
SPLITS = ("train", "validation", "test")


class Manifest(TypedDict):
    """manifest.json."""

    dataset_version: str
    """16 hex digits that stand for labels and rows of every split."""
    lineage: str
    """Version of the dataset that the splits go back to: since then, no row has changed its split."""
    rows: dict[str, int]
    """Split to its rows."""
    labels: list[str]
    """In the order of every array."""
    files: dict[str, str]
    """Path of every other file to its sha256."""
    source: str
    """Where the rows came from: data.source, or `demonstration`."""
    split: dict[str, Any]
    """Settings that decide how rows are split."""
