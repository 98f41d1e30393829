"""Every layout, format, separator and encoding gives the same rows."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.data.section import DataConfig
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


NAMES = ("insult", "threat", "spam")
FORMATS = ("jsonl", "json", "csv", "tsv", "parquet")


def _cell(applied, separator, format_):
    if format_ in ("jsonl", "json", "parquet") and separator == "list":
        return sorted(applied)
    return {"list": json.dumps(sorted(applied)), "repr": str(sorted(applied))}.get(
        separator, separator.join(sorted(applied))
    )


def _write(path, format_, records, delimiter, encoding):
    if format_ == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding=encoding)
    elif format_ == "json":
        path.write_text(json.dumps(records), encoding=encoding)
    elif format_ == "parquet":
        pq.write_table(pa.table({name: [record[name] for record in records] for name in records[0]}), path)
    else:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter="\t" if format_ == "tsv" else delimiter)
        writer.writerow(records[0])
        writer.writerows(record.values() for record in records)
        path.write_text(stream.getvalue(), encoding=encoding)


@settings(max_examples=120, deadline=None)
@given(
    applied=st.lists(st.frozensets(st.sampled_from(NAMES)), min_size=1, max_size=6),
    layout=st.sampled_from(["list", "repr", ",", ";", "#", "|", "columns"]),
    format_=st.sampled_from(FORMATS),
    delimiter=st.sampled_from([",", ";", "|", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    missing=st.sampled_from(["", "nan", "NULL", "N/A"]),
)
def test_every_layout_separator_format_and_encoding_gives_the_same_rows(
    tmp_path_factory, applied, layout, format_, delimiter, encoding, missing
):
    directory = tmp_path_factory.mktemp("raw")
    if layout == "columns":
        config = DataConfig(label_fields=NAMES)
        records = [
            {"text": f"t {number}", **{name: "1.0" if name in labels_ else "no" for name in NAMES}}
            for number, labels_ in enumerate(applied)
        ]
        records[0]["spam"] = missing
    else:
        config = DataConfig(labels_field="labels", labels=NAMES)
        records = [
            {"text": f"t {number}", "labels": _cell(labels_, layout, format_)} for number, labels_ in enumerate(applied)
        ]
    _write(directory / f"a.{format_}", format_, records, delimiter, encoding)
    read = rows(directory, config)
    expected = [set(labels_) for labels_ in applied]
    if layout == "columns":
        expected[0] -= {"spam"}
        assert read[0].unannotated == {"spam"}
    assert [set(row.positive) for row in read] == expected
    assert [row.text for row in read] == [record["text"] for record in records]
