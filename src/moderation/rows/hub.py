"""Reads a dataset of the Hub."""

from collections.abc import Iterator, Mapping, Sequence
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
        splits = datasets.load_dataset(dataset_id, config.hub_config, revision=revision, streaming=True)
    except RuntimeError as error:
        if "scripts" not in str(error):
            raise
        raise ValueError(
            f"data.source {source}: found a dataset that is made by a script, which is not run; take the revision "
            "refs/convert/parquet, in which the Hub keeps the rows as Parquet (pin the commit that it stands for), or "
            "upload the files to the data bucket"
        ) from error
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(
            f"data.source {source}: found {type(error).__name__} while asking the Hub, expected a dataset that can be "
            "downloaded; check id, revision and network, or upload the files to the data bucket"
        ) from error
    if absent := [name for name in config.hub_splits if name not in splits]:
        raise ValueError(
            f"data.hub_splits: found no split {', '.join(absent)} in {source}, expected some of {', '.join(splits)}"
        )
    for split, dataset in splits.items():
        if config.hub_splits and split not in config.hub_splits:
            continue
        names = class_names(dataset.features)
        records = enumerate((named_classes(record, names) for record in dataset), start=1)
        yield from rows_of(f"{source}/{split}", records, config, rejections)


def class_names(features: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Column to the names of its classes, for ClassLabel columns and lists of them."""
    found = {}
    for column, feature in (features or {}).items():
        names = getattr(getattr(feature, "feature", feature), "names", None)
        if names:
            found[column] = list(names)
    return found


def named_classes(record: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Replace the numbers of classes by their names. A single class keeps its number: `classes` may use both."""
    named = dict(record)
    for column, classes in names.items():
        value = named.get(column)
        if isinstance(value, list):
            named[column] = [_class_name(item, classes) for item in value]
        elif isinstance(value, int) and not isinstance(value, bool):
            named[column] = Class(value, classes[value] if 0 <= value < len(classes) else None)
    return named


def _class_name(item: Any, classes: Sequence[str]) -> Any:
    return classes[item] if isinstance(item, int) and 0 <= item < len(classes) else item
