"""Reads a dataset of the Hub."""

from collections.abc import Iterator, Mapping
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.labels import Class
from moderation.rows.parsing import rows_of
from moderation.rows.row import Rejections, Row


def read_hub(source: str, config: DataConfig, rejections: Rejections) -> Iterator[Row]:
    """Rows of every split of a Hub dataset, `hub:<id>@<revision>`. Raises ValueError where the Hub can't be reached."""
    import datasets

    dataset_id, _, revision = source.removeprefix("hub:").partition("@")
    try:
        splits = datasets.load_dataset(dataset_id, revision=revision, streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(
            f"data.source {source}: found {type(error).__name__} while asking the Hub, expected a dataset that can be "
            "downloaded; check id, revision and network, or upload the files to the data bucket"
        ) from error
    for split, dataset in splits.items():
        records = enumerate((_named_classes(record, dataset.features) for record in dataset), start=1)
        yield from rows_of(f"{source}/{split}", records, config, rejections)


def _named_classes(record: dict[str, Any], features: Mapping[str, Any] | None) -> dict[str, Any]:
    """Replace the integers of ClassLabel lists by names. A single class keeps its number: `classes` may use both."""
    named = dict(record)
    for name, feature in (features or {}).items():
        names = getattr(getattr(feature, "feature", None), "names", None)
        if names and named.get(name) is not None:
            named[name] = [names[item] if isinstance(item, int) else item for item in named[name]]
        elif getattr(feature, "names", None) and named.get(name) is not None:
            number = named[name]
            named[name] = Class(number, feature.names[number] if number >= 0 else None)
    return named
