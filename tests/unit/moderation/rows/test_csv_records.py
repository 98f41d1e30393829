import bz2
import gzip
import lzma

import pytest

from contract.data.section import DataConfig
from moderation.rows.csv_records import csv_records
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


def test_a_semicolon_in_a_text_parts_no_table_with_commas(tmp_path):
    (tmp_path / "a.csv").write_text("text,labels\nfirst; second,insult\n")
    records = list(csv_records(tmp_path / "a.csv", "a.csv", DataConfig(labels_field="labels")))
    assert records == [(1, {"text": "first; second", "labels": "insult"})]


@pytest.mark.parametrize("name", ["a.TSV", "a.csv", "a.CSV.gz", "a.csv.bz2", "a.csv.xz"])
def test_a_table_is_read_whatever_parts_and_compresses_it(tmp_path, name):
    delimiter = "\t" if "TSV" in name else ";"
    content = f"text{delimiter}labels\nhello, you{delimiter}insult\n".encode()

    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(name.rpartition(".")[2], bytes)
    (tmp_path / name).write_bytes(packed(content))
    (row,) = rows(tmp_path, DataConfig(labels_field="labels"))
    assert (row.text, row.positive) == ("hello, you", {"insult"})


def test_a_table_without_a_header_gets_its_names_from_moderation_yaml(tmp_path):
    (tmp_path / "train.tsv").write_text("some text\t27\tid1\nother text\t2,25\tid2\n")
    config = DataConfig(
        labels_field="labels",
        columns=("text", "labels", "id"),
        classes={"2": "anger", "25": "sadness", "27": "neutral"},
    )
    assert [(row.id, row.positive) for row in rows(tmp_path, config)] == [
        ("id1", {"neutral"}),
        ("id2", {"anger", "sadness"}),
    ]
