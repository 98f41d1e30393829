"""Texts, splits and models small enough to be made in a moment, for the tests of this room."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LABELS = ["insult", "threat"]


def sentences(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts and truth (count, 2) that a tiny model learns: `fool` insults, `run` threatens."""
    chance = np.random.default_rng(seed)
    texts, truth = [], np.zeros((count, 2), dtype=np.float32)
    for number in range(count):
        words = [str(word) for word in chance.choice(["you", "are", "kind", "soup", "is", "hot", "nice", "day"], 4)]
        for label, word in enumerate(("fool", "run")):
            if chance.random() < 0.3:
                words.insert(int(chance.integers(len(words))), word)
                truth[number, label] = 1
        texts.append(" ".join([*words, *["and", "the"] * int(chance.integers(4))]))
    return texts, truth


def write_split(directory: Path, texts: list[str], truth: np.ndarray, labels: list[str]) -> None:
    """One split as the preparation writes it."""
    directory.mkdir(parents=True)
    (directory / "labels.json").write_text(json.dumps({"labels": labels, "lineage": "0123456789abcdef"}))
    table = pa.table(
        {
            "id": [f"{directory.name}-{number}" for number in range(len(texts))],
            "text": texts,
            "labels": pa.array(truth.tolist(), pa.list_(pa.float32())),
        }
    )
    pq.write_table(table, directory / "part-00000.parquet")


def saved_model(directory: Path, base_model: Path, labels: list[str], weight: float, thresholds: list[float]) -> Path:
    """A model as train.py saves it, with a head of equal weights."""
    from moderation.fitting.base_model import from_base_model
    from moderation.model import classifier as models
    from moderation.model.policy import make_policy, write_policy

    directory.mkdir(parents=True)
    model = from_base_model(base_model, labels, models.Head(0.1, 16), 0.0, None)
    shape = model.head.weight.shape
    model.set_head(np.linspace(-weight, weight, shape[0] * shape[1]).reshape(shape), np.zeros(len(labels)))
    models.save(model, models.load_tokenizer(base_model), directory)
    (directory / "labels.json").write_text(json.dumps({"labels": labels}))
    write_policy(make_policy(labels, np.array(thresholds), np.array(thresholds) + 0.2), directory)
    return directory
