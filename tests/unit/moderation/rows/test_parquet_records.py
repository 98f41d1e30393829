import json

import pyarrow as pa
import pyarrow.parquet as pq

from contract.data.section import DataConfig
from moderation.rows.parquet_records import parquet_records
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


def test_columns_that_nobody_needs_are_not_read(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "labels": [["x"]], "other": [1]}), tmp_path / "a.parquet")
    records = parquet_records(tmp_path / "a.parquet", "a.parquet", DataConfig(labels_field="labels"))
    assert list(records) == [(1, {"text": "a", "labels": ["x"]})]


def test_ids_of_a_table_with_gaps_are_whole_numbers_again(tmp_path):
    table = pa.table({"id": [12.0, None], "text": ["a", "b"], "labels": [["x"], []]})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = rows(tmp_path, DataConfig(labels_field="labels"))
    assert (first.id, second.has_own_id) == ("12", False)


def test_the_names_in_a_parquet_files_metadata_are_read(tmp_path):
    features = {"info": {"features": {"label": {"names": ["clean", "hate"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a", "b"], "label": [0, 1]}).replace_schema_metadata(
        {"huggingface": json.dumps(features)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    config = DataConfig(class_field="label", classes={"hate": "hate"})
    assert [row.positive for row in rows(tmp_path, config)] == [frozenset(), {"hate"}]
