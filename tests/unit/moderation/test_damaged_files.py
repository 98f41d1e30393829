"""Damages small data files in every way that files get damaged, and asks where each row went."""

import csv
import gzip
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.data.section import BadRows, DataConfig
from contract.dataset.manifest import SPLITS
from moderation.data.prepare import prepare
from moderation.rows import opening
from moderation.rows.readers import data_files, read_files
from moderation.rows.row import Rejections

DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))
CONFIG = DataConfig(
    label_fields=("insult", "threat"), minimum_positives=1, validation_fraction=0.2, bad_rows=DROP, near_duplicates=None
)
ENDINGS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
ROWS = 12
VALUES = [None, "", 2, -1, 1e400, float("nan"), [], {}, [[]], True, "yes", "\ud800", "\x00", "x" * 3000, 10**30]


def records():
    return [
        {"id": f"i{number}", "text": f"text {number} grüße", "insult": number % 2, "threat": number % 3 == 0 or None}
        for number in range(ROWS)
    ]


def encoded(rows, ending):
    """The rows as a file of that kind; values that the kind can't hold become text."""
    names = ["id", "text", "insult", "threat"]
    if ending.startswith("jsonl"):
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    elif ending.startswith("csv"):
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([["" if row.get(name) is None else row[name] for name in names] for row in rows])
        content = file.getvalue().encode(
            errors="surrogateescape" if "\ud800" not in file.getvalue() else "surrogatepass"
        )
    else:
        file = pa.BufferOutputStream()
        columns = {}
        for name in names:
            column = [row.get(name) for row in rows]
            try:
                columns[name] = pa.array(column)
            except (pa.ArrowException, UnicodeEncodeError, OverflowError):
                columns[name] = pa.array([ascii(value) for value in column])
        pq.write_table(pa.table(columns), file)
        content = file.getvalue().to_pybytes()
    return gzip.compress(content, mtime=0) if ending.endswith("gz") else content


def mutated(chance, ending):
    """A damaged file."""
    rows = records()
    for _ in range(chance.randrange(3)):  # wrong types, absent fields, doubled rows
        row = chance.choice(rows)
        if chance.random() < 0.3:
            row.pop(chance.choice(list(row)), None)
        elif chance.random() < 0.2:
            rows.append(dict(row))
        else:
            row[chance.choice(["id", "text", "insult", "threat"])] = chance.choice(VALUES)
        rows = [row for row in rows if row] or records()
    content = bytearray(encoded(rows, ending))
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(content) + 1)
        damage = chance.choice(["cut", "flip", "null", "encoding", "line", "newline", "remove"])
        if damage == "cut":
            del content[place:]
        elif damage == "flip" and place < len(content):
            content[place] ^= 1 << chance.randrange(8)
        elif damage == "remove":
            del content[place : place + chance.randrange(20)]
        else:
            content[place:place] = {
                "null": b"\x00" * chance.randrange(1, 9),
                "encoding": chance.choice(
                    [b"\xff\xfe", "ü".encode("latin-1"), "text".encode("utf-16"), b"\xed\xa0\x80"]
                ),
                "line": b"y" * chance.randrange(1500, 6000),
                "newline": chance.choice([b"\n", b"\r\n", b'"', b"\r", b",", b"\xe2\x80\xa8"]),
            }.get(damage, b"")
        if not content:
            break
    return bytes(content)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_damage_gives_a_traceback_half_a_dataset_or_a_silent_loss(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(opening, "MAXIMUM_LINE_BYTES", 2000)  # a gigabyte line in proportion
    chance = random.Random(ENDINGS.index(ending))  # noqa: S311
    source, path = tmp_path / "raw", tmp_path / "raw" / f"a.{ending}"
    source.mkdir()
    whole = stopped = dropped = 0
    reasons = []
    for number in range(200):
        path.write_bytes(mutated(chance, ending))
        rejections = Rejections(DROP)
        try:
            kept = sum(1 for _ in read_files(source, CONFIG, rejections))
        except ValueError as error:
            reasons.append(str(error))
            stopped += 1
            continue
        assert kept + sum(rejections.counts.values()) == rejections.rows_read
        if ending == "jsonl":
            content = path.read_bytes()
            assert rejections.rows_read == content.count(b"\n") + bool(content and not content.endswith(b"\n"))
        whole += not rejections.counts
        dropped += bool(rejections.counts)
        if number % 10:
            continue  # the rest of the way is the same for all of them
        output = tmp_path / f"out-{number}"
        try:
            manifest = prepare(CONFIG, source, output)
        except ValueError:  # too few rows or positives are left
            assert not output.exists()
            continue
        report = json.loads((output / "data_report.json").read_text())
        left_out = sum(found["count"] for found in report["dropped"].values())
        assert sum(manifest["rows"].values()) + left_out == report["rows_read"]
        for split in SPLITS:
            table = pq.read_table(output / split / "part-00000.parquet")
            assert table.num_rows == manifest["rows"][split]
            assert {len(values) for values in table["labels"].to_pylist()} == {2}
    assert whole + dropped + stopped == 200
    assert bool(stopped) == (ending != "jsonl")  # a JSONL file can't be damaged as a whole
    assert all(reason.startswith(f"a.{ending}") and ": found " in reason for reason in reasons)
    assert all(", expected " in reason for reason in reasons)
    assert not [found.name for found in tmp_path.iterdir() if found.name.startswith(".")]
    assert [found.name for found in data_files(source)] == [path.name]


@pytest.mark.parametrize(
    ("name", "content", "config", "labels"),
    [
        (
            "binary.jsonl",
            "".join(json.dumps({"text": f"comment {n} {'w' * n}", "label": n % 2}) + "\n" for n in range(60)),
            DataConfig(class_field="label", classes={"1": "hate"}),
            {"hate": 30},
        ),
        (
            "columns.csv",
            "text,insult,threat\n" + "".join(f"comment {n} {'w' * n},{n % 2},{int(n % 3 == 0)}\n" for n in range(60)),
            DataConfig(label_fields=("insult", "threat")),
            {"insult": 30, "threat": 20},
        ),
        (
            "list.parquet",
            [["insult"] * (n % 2) + ["threat"] * (n % 3 == 0) for n in range(60)],
            DataConfig(labels_field="labels"),
            {"insult": 30, "threat": 20},
        ),
        (
            "emotions.parquet",
            [[f"emotion {n % 28:02d}", f"emotion {n * 5 % 28:02d}"] for n in range(560)],
            DataConfig(labels_field="labels"),
            None,
        ),
    ],
)
def test_every_layout_becomes_a_dataset(tmp_path, name, content, config, labels):
    source = tmp_path / "raw"
    source.mkdir()
    if isinstance(content, str):
        (source / name).write_text(content)
    else:
        texts = [f"comment {number} {'w' * (number % 80)}" for number in range(len(content))]
        pq.write_table(pa.table({"text": texts, "labels": pa.array(content, pa.list_(pa.string()))}), source / name)
    manifest = prepare(config, source, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "data_report.json").read_text())
    positives = {label: sum(found["positives"].values()) for label, found in report["labels"].items()}
    assert sum(manifest["rows"].values()) == report["rows_read"] == (560 if labels is None else 60)
    if labels is None:
        assert len(manifest["labels"]) == 28
        assert all(found["positives"][split] for found in report["labels"].values() for split in SPLITS)
    else:
        assert positives == labels
