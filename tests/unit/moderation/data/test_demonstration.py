import hashlib
import json
import re
from collections import Counter

import numpy as np

from contract.data.section import DataConfig
from moderation.data.demonstration import generate, layout, material
from moderation.evaluation.baselines import baseline_probabilities
from moderation.fitting.thresholds import prevalences
from moderation.metrics.scores import macro_auroc, macro_average_precision
from moderation.rows.row import normalised


def test_the_same_seed_gives_the_same_rows():
    assert list(generate(13, 50)) == list(generate(13, 50))
    assert list(generate(13, 50)) != list(generate(14, 50))


def test_a_seed_gives_the_rows_that_it_always_gave():
    """Published datasets are named by their rows: another order of drawing would be another dataset."""
    records = json.dumps(list(generate(13, 200, chats=2)))
    assert hashlib.sha256(records.encode()).hexdigest().startswith("9bc61c2c673b2e36")


def test_every_word_list_that_a_sentence_names_is_there_and_every_label_has_all_kinds():
    found = material()
    templates = json.dumps([found.words, found.meant, found.harmless, found.reordered, found.chat])
    assert set(re.findall(r"{(\w+)}", templates)) == found.words.keys()
    assert list(found.meant) == list(found.harmless) == list(found.reordered)
    assert all(len(pair) == 2 for pairs in found.reordered.values() for pair in pairs)


def test_it_has_six_labels_that_occur_together_and_many_clean_rows():
    rows = list(generate(13))
    counts = Counter(label for row in rows for label in row["labels"])
    assert len(counts) == 6
    assert min(counts.values()) > 100
    assert sum(len(row["labels"]) > 1 for row in rows) > 200
    assert 0.4 < sum(not row["labels"] for row in rows) / len(rows) < 0.6


def test_hardly_any_text_appears_twice():
    texts = Counter(normalised(row["text"]) for row in generate(13))
    assert len(texts) > 0.9 * sum(texts.values())


def test_more_sentences_make_many_rows_distinct():
    texts = {normalised(row["text"]) for row in generate(13, 20_000, chats=3)}
    assert len(texts) > 0.9999 * 20_000


def test_a_bag_of_words_learns_it_but_not_perfectly():
    rows = list(generate(13, 1600))
    labels = sorted({label for row in rows for label in row["labels"]})
    truth = np.array([[label in row["labels"] for label in labels] for row in rows], dtype=np.float32)
    texts = [row["text"] for row in rows]
    (probs,) = baseline_probabilities(texts[:1000], truth[:1000], [texts[1000:]])
    assert prevalences(truth).min() > 0.05
    assert macro_auroc(truth[1000:], probs) > 0.9
    assert macro_average_precision(truth[1000:], probs) < 0.93


def test_its_layout_replaces_the_fields_of_the_users_own_rows():
    mine = DataConfig(label_fields=("a", "b"), text_field="comment", labels=("a", "b"), seed=5)
    assert layout(mine) == DataConfig(labels_field="labels", seed=5)
