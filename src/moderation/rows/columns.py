"""Which columns a table must have."""

from collections import Counter
from collections.abc import Sequence

from contract.data.section import DataConfig
from moderation.rows.opening import shown_names


def needed_columns(config: DataConfig) -> list[str]:
    """The columns that the configuration names and that can't be absent."""
    if config.label_fields and config.absent_labels != "stop":
        return [config.text_field]
    labels = list(config.label_fields) or [str(config.labels_field or config.class_field)]
    return [config.text_field, *labels]


def check_columns(header: Sequence[str], file: str, config: DataConfig) -> None:
    """Raise ValueError where a needed column is missing, or a name stands twice."""
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise ValueError(
            f"{file}, row 0: found the column {shown_names(twice)} twice, expected each name once; rename or remove one"
        )
    missing = [name for name in needed_columns(config) if name not in header]
    if missing:
        raise ValueError(
            f"{file}, row 0: found the columns {shown_names(header)}, expected {', '.join(missing)} too; correct the "
            "header, name the file's own columns in the data section of moderation.yaml, or, where the file has no "
            "header, give its columns names in data.columns"
        )
