import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from contract.data.section import DataConfig
from contract.dataset.manifest import MANIFEST_FILE, Manifest
from moderation.data.prepare import prepare
from moderation.data.writing import SplitWriter
from moderation.job.dataset import read_split

CONFIG = DataConfig(labels_field="labels", minimum_positives=2)
LINES = [
    json.dumps({"id": str(number), "text": f"text number {number}", "labels": ["x"] if number % 3 == 0 else ["y"]})
    for number in range(60)
]


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "raw"
    directory.mkdir()
    (directory / "a.jsonl").write_text("\n".join(LINES))
    return directory


def test_a_dataset_has_its_parts_and_a_manifest_of_their_hashes(source, tmp_path):
    manifest = prepare(CONFIG, source, tmp_path / "out")
    assert json.loads((tmp_path / "out" / MANIFEST_FILE).read_text()) == manifest
    assert TypeAdapter(Manifest).validate_python(manifest, strict=True) == manifest
    assert manifest["labels"] == ["x", "y"]
    assert manifest["source"] == "raw/"
    assert sum(manifest["rows"].values()) == 60
    assert set(manifest["files"]) == {
        "labels.json",
        "data_report.json",
        "data_report.html",
        *(f"{split}/{name}" for split in manifest["rows"] for name in ("labels.json", "part-00000.parquet")),
    }
    table = pq.read_table(tmp_path / "out" / "train" / "part-00000.parquet")
    assert str(table.schema.field("labels").type) == "list<element: float>"
    assert {tuple(row) for row in table["labels"].to_pylist()} == {(1.0, 0.0), (0.0, 1.0)}


def test_the_version_follows_the_content_and_not_the_order_or_the_file(source, tmp_path):
    first = prepare(CONFIG, source, tmp_path / "one")["dataset_version"]
    (source / "a.jsonl").unlink()
    (source / "b.jsonl").write_text("\n".join(reversed(LINES)))
    assert prepare(CONFIG, source, tmp_path / "two")["dataset_version"] == first
    (source / "b.jsonl").write_text("\n".join(LINES).replace("text number 7", "text number seven"))
    assert prepare(CONFIG, source, tmp_path / "three")["dataset_version"] != first


def test_what_nobody_annotated_is_nan(tmp_path):
    source = tmp_path / "raw"
    source.mkdir()
    rows = "".join(f"t{number},{number % 2},{'' if number == 4 else number % 2}\n" for number in range(40))
    (source / "a.csv").write_text("text,x,y\n" + rows)
    prepare(DataConfig(label_fields=("x", "y")), source, tmp_path / "out")
    split = [read_split(tmp_path / "out" / name, ["x", "y"]) for name in ("train", "validation", "test")]
    values = {text: truth for part in split for text, truth in zip(part.texts, part.truth.tolist(), strict=True)}
    assert values["t4"][0] == 0
    assert math.isnan(values["t4"][1])
    assert values["t5"] == [1, 1]


def test_equal_rows_have_an_equal_hash(tmp_path):
    rows = pa.table({"id": ["a", "b"], "text": ["x", "y"]})
    values = np.array([[1.0], [np.nan]], dtype=np.float32)
    one, other = SplitWriter(tmp_path / "one"), SplitWriter(tmp_path / "other")
    one.write(rows, values)
    other.write(rows, values)
    assert one.close() == other.close()
    assert pq.read_table(tmp_path / "one" / "part-00000.parquet")["text"].to_pylist() == ["x", "y"]
