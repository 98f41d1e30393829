"""Checks one record against the configured fields."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from contract.data.section import DataConfig
from moderation.rows.labels import LabelReader, UnusableLabels
from moderation.rows.opening import shown_names
from moderation.rows.row import Problem, Rejections, Row, normalised, shown


def rows_of(
    file: str, records: Iterator[tuple[int, dict[str, Any] | Problem]], config: DataConfig, rejections: Rejections
) -> Iterator[Row]:
    """Turn records into rows, handing the bad ones to `rejections`."""
    labels = LabelReader(config)
    for number, record in records:
        rejections.rows_read += 1
        row = record if isinstance(record, Problem) else parse_row(file, number, record, labels)
        if isinstance(row, Problem):
            rejections.add(row)
        else:
            yield row


def parse_row(file: str, number: int, record: Mapping[str, Any], labels: LabelReader) -> Row | Problem:
    """Check one record against the configured fields."""
    config = labels.config

    def problem(kind: str, found: str, expected: str) -> Problem:
        return Problem(kind, file, number, found, expected)

    text = record.get(config.text_field)
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return problem(
            "missing_field", f"the fields {shown_names(sorted(record, key=str))}", f"a text in {config.text_field!r}"
        )
    if not isinstance(text, str):
        return problem("broken_row", f"{type(text).__name__} in {config.text_field!r}", "a string")
    if not is_unicode(text):
        return problem("not_utf8", f"bytes or code points that are no text in {config.text_field!r}", "UTF-8")
    comparable = normalised(text)
    if not comparable:
        return problem("empty_text", f"an empty {config.text_field!r}", "some text")

    try:
        positive, unannotated = labels.labels(record)
    except UnusableLabels as reason:
        return problem(reason.kind, reason.found, reason.expected)
    if not all(is_unicode(label) for label in positive):
        return problem("not_utf8", "a label that is no text", "UTF-8")
    if config.labels:
        for label in sorted(positive - set(config.labels)):
            return problem("unknown_label", f"the label {shown(label)}", f"one of {', '.join(config.labels)}")

    own_id = record.get(config.id_field)
    if isinstance(own_id, float):  # a table with a gap in it holds numbers as floats
        own_id = None if math.isnan(own_id) else int(own_id) if own_id.is_integer() else own_id
    if own_id is None or own_id == "":
        row_id = "text-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    elif isinstance(own_id, str | int) and not isinstance(own_id, bool):
        row_id = str(own_id)
        if not is_unicode(row_id):
            return problem("not_utf8", f"code points that are no text in {config.id_field!r}", "UTF-8")
    else:
        return problem("broken_row", f"{type(own_id).__name__} in {config.id_field!r}", "a string or a whole number")
    return Row(row_id, text, positive, unannotated, file, number, own_id not in (None, ""), comparable)


def is_unicode(text: str) -> bool:
    """Whether a string can be written as UTF-8: JSON and CSV readers let halves of characters through."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
