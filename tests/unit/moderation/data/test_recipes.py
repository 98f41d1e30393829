"""Every recipe of docs/data.md goes from a file of that shape to a gated model."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.training import train_and_evaluate

from contract.data.section import read_data_config
from contract.project.gate import GateRules
from moderation.data.prepare import prepare
from release.decision.gate import decide

PAGE = Path(__file__).parents[4] / "docs" / "data.md"
RECIPES = dict(re.findall(r"```yaml\n# recipe: (\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL))
WORDS = ["you", "are", "kind", "mean", "fool", "the", "soup", "is", "hot", "run", "away", "now", "nice", "day", "and"]
ROWS = 360


def texts_and_labels(labels, at_most=2):
    """Texts, and for each the labels whose pair of words it has."""
    chance = np.random.default_rng(len(labels))
    for number in range(ROWS):
        count = int(chance.integers(0, at_most + 1))
        chosen = sorted({number % len(labels), int(chance.integers(len(labels)))})[:count]
        pairs = [f"{WORDS[place % 7]} {WORDS[7 + place % 8]}" for place in chosen]
        yield f"{' '.join([*pairs, *chance.choice(WORDS, 5).tolist()])} {number}", [labels[place] for place in chosen]


def table(path, header, rows, delimiter=","):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([header] if header else [])
        writer.writerows(rows)


def tweets(directory):
    rows = [(number, int(bool(chosen)), text) for number, (text, chosen) in enumerate(texts_and_labels(["h"]), 1)]
    table(directory / "train.csv", ["id", "label", "tweet"], rows)
    return ["hate_speech"]


def goemotions(directory):
    numbers = [str(number) for number in range(28)]
    rows = [
        (text, ",".join(chosen or ["27"]), f"e{place}")
        for place, (text, chosen) in enumerate(texts_and_labels(numbers))
    ]
    for name, part in (("train", rows[:200]), ("dev", rows[200:280]), ("test", rows[280:])):
        table(directory / f"{name}.tsv", None, part, "\t")
    return None


def jigsaw(directory):
    labels = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
    rows = []
    for number, (text, chosen) in enumerate(texts_and_labels(labels)):
        undecided = number % 9 == 0
        rows.append((f"{number:016x}", text, *(-1 if undecided else int(label in chosen) for label in labels)))
    table(directory / "train.csv", ["id", "comment_text", *labels], rows)
    return sorted(labels)


def openai(directory):
    labels = ["S", "H", "V", "HR", "SH", "S3", "H2", "V2"]
    chance = np.random.default_rng(5)
    with (directory / "samples-1680.jsonl").open("w") as file:
        for text, chosen in texts_and_labels(labels):
            record = {label: int(label in chosen) for label in labels if label in chosen or chance.random() < 0.6}
            file.write(json.dumps({"prompt": text, **record}) + "\n")
    return sorted(labels)


def civil_comments(directory):
    labels = ["toxicity", "obscene", "threat", "insult", "identity_attack", "sexual_explicit"]
    rows = [(text, *(0.7 if label in chosen else 0.1 for label in labels)) for text, chosen in texts_and_labels(labels)]
    table(directory / "train.csv", ["text", *labels], rows)
    return sorted(labels)


FILES = {function.__name__: function for function in (tweets, goemotions, jigsaw, openai, civil_comments)}


def test_every_recipe_has_a_file_of_its_shape():
    assert RECIPES.keys() == FILES.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_a_gated_model(name, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    raw = tmp_path / "raw"
    raw.mkdir()
    labels = FILES[name](raw)
    section = "\n".join(f"  {line}" for line in f"minimum_positives: 1\n{RECIPES[name]}".splitlines())
    (tmp_path / "moderation.yaml").write_text(f"data:\n{section}\n")
    manifest = prepare(read_data_config(tmp_path / "moderation.yaml"), raw, tmp_path / "dataset")
    assert labels is None or manifest["labels"] == labels
    assert len(manifest["labels"]) == (28 if name == "goemotions" else len(labels))
    result = train_and_evaluate(tmp_path, base_model)
    decision = decide(result, GateRules(minimum={"macro_auroc": 0.5}, baseline_margin=-0.5))
    assert [rule.name for rule in decision.rules] == ["minimum.macro_auroc", "baseline_margin"]
    assert decision.rules[0].value is not None
