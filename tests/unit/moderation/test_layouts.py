"""Every layout of data that users have goes the whole way: prepared, trained, evaluated."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.training import train_and_evaluate

from contract.data.section import DataConfig
from moderation.data.prepare import prepare

WORDS = ["you", "are", "kind", "mean", "fool", "the", "soup", "is", "hot", "run", "away", "now", "nice", "day", "and"]
PAIRS = [f"{first} {second}" for first in WORDS[:7] for second in WORDS[7:11]]


def rows(labels, count=260):
    """Texts and, for each, the labels whose pair of words it has: one or two of them, or none."""
    chance = np.random.default_rng(len(labels))
    for number in range(count):
        chosen = sorted({number % len(labels), int(chance.integers(len(labels)))}) if chance.random() < 0.7 else []
        filling = chance.choice(WORDS, 5).tolist()
        yield f"{' '.join([PAIRS[place] for place in chosen] + filling)} {number}", [labels[place] for place in chosen]


def class_column(directory):
    with (directory / "tweets.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "text"])
        writer.writerows((int(bool(labels)), text) for text, labels in rows(["hate"]))
    return DataConfig(class_field="label", classes={"1": "hate"}), ["hate"]


def column_per_label(directory):
    labels = ["insult", "spam", "threat"]
    with (directory / "comments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", *labels])
        for number, (text, found) in enumerate(rows(labels)):
            writer.writerow(
                [number, text, *("" if (number, label) == (7, "spam") else int(label in found) for label in labels)]
            )
    return DataConfig(label_fields=tuple(labels)), labels


def list_column(directory):
    texts, found = zip(*rows(["insult", "threat"]), strict=True)
    table = pa.table({"text": texts, "labels": pa.array(found, pa.list_(pa.string()))})
    pq.write_table(table, directory / "comments.parquet")
    return DataConfig(labels_field="labels"), ["insult", "threat"]


def many_labels(directory):
    labels = [f"emotion_{number:02d}" for number in range(28)]
    lines = [json.dumps({"text": text, "labels": found}) for text, found in rows(labels, 560)]
    (directory / "comments.jsonl").write_text("\n".join(lines))
    return DataConfig(labels_field="labels"), labels


@pytest.mark.parametrize("layout", [class_column, column_per_label, list_column, many_labels])
def test_a_layout_is_prepared_trained_and_evaluated(layout, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    raw = tmp_path / "raw"
    raw.mkdir()
    config, labels = layout(raw)
    manifest = prepare(config, raw, tmp_path / "dataset")
    assert manifest["labels"] == labels
    result = train_and_evaluate(tmp_path, base_model)
    assert list(result["candidate"]["labels"]) == labels
    assert result["rows"]["test"] == manifest["rows"]["test"]
    assert result["candidate"]["metrics"]["macro_auroc"] > 0.6
