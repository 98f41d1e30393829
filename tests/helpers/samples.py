"""Texts, splits and models small enough to be made in a moment, for the tests of this room."""

import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LABELS = ["insult", "threat"]
# Texts that a tokeniser may stumble over
HOSTILE = [
    "",
    " \t\n ",
    "a",
    "A b",
    "I'm",
    "no\u00a0break\u2003space\u200bzero",
    "🙂🙂 👩‍👩‍👧 ok",
    "ПРИВЕТ мир ß İstanbul ǅ ﬁ",
    "你好世界 مرحبا שלום नमस्ते",
    "e\u0301cole école",
    "x" * 3000,
    "f.o.o.l  f_o_o_l f00l @you #day https://a.b/c?d=e",
    "\x00nul\x1cseparated\x85lines\u2028here",
    "!!! ??? ...",
    "ab abc abcd abcde abcdef",
]


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


def archived(model: Path, directory: Path) -> Path:
    """A directory with a model's archive, as a training job leaves it."""
    directory.mkdir()
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    return directory


def random_sentence(chance: random.Random, words: int = 20) -> str:
    """A sentence that shares hardly a sequence of letters with another one."""
    return " ".join("".join(chance.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(words))


def write_rows(directory: Path, texts: list[str]) -> Path:
    """A directory with one JSONL file of these texts, two in three with the label x."""
    directory.mkdir(exist_ok=True)
    rows = [{"text": text, "labels": ["x"] if number % 3 else []} for number, text in enumerate(texts)]
    (directory / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory


def split_of(dataset: Path) -> dict[str, str]:
    """Text to its split."""
    return {
        text: split
        for split in ("train", "validation", "test")
        for text in pq.read_table(dataset / split / "part-00000.parquet")["text"].to_pylist()
    }


def drawn(rows: int, labels: int, seed: int = 1) -> np.ndarray:
    """Truth (rows, labels) of which three in ten are positive."""
    return (np.random.default_rng(seed).random((rows, labels)) < 0.3).astype(np.float32)


def noisy(truth: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Probabilities that know the truth, the less so the more noise."""
    return 1 / (1 + np.exp(-(truth * 2 - 1 + np.random.default_rng(seed).normal(0, noise, truth.shape))))


def labelled(positives: int, seed: int = 0, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities (rows, 1) of a label with so many positives."""
    chance = np.random.default_rng(seed)
    truth = np.zeros((rows, 1), dtype=np.float32)
    truth[:positives] = 1
    return truth, 1 / (1 + np.exp(-(3 * truth - 2 + chance.normal(0, 1, truth.shape))))
