"""Records of Parquet files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.columns import check_columns, needed_columns
from moderation.rows.hub import named_classes
from moderation.rows.row import Problem

BATCH_ROWS = 4096


def parquet_records(path: Path, file: str, config: DataConfig) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Number and record of each row; class numbers get the names that the file's own metadata has for them.

    Raises ValueError for a damaged file and for columns that are missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
        names = table.schema_arrow.names
        check_columns(names, file, config)
        wanted = {config.id_field, *needed_columns(config), *config.label_fields}
        columns = [name for name in names if name in wanted]
        features = _features(table.schema_arrow.metadata or {})
        number = 0
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            for record in batch.to_pylist():
                number += 1
                yield number, named_classes(record, features) if features else record
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: found strings that are not UTF-8, expected UTF-8; write the file again") from error
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{file}: found a damaged or cut-off file ({type(error).__name__}), expected Parquet; upload it again"
        ) from error


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column to class names, as the `datasets` library writes them into a Parquet file; empty without any."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    found = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and isinstance(inner.get("names"), list):
            found[column] = [str(name) for name in inner["names"]]
    return found
