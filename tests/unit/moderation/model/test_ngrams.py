import json
import math
import sys
import time

import numpy as np
import pytest
from helpers.samples import sentences

from moderation.fitting.ngrams import fit_ngrams
from moderation.model import ngrams

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


@pytest.fixture(scope="module")
def fitted():
    texts, truth = sentences(120, 3)
    return fit_ngrams([*texts, *HOSTILE], np.concatenate([truth, np.zeros((len(HOSTILE), 2), np.float32)]))


def test_scores_are_those_of_scikit_learn_on_hostile_texts(fitted):
    """The reference is fitted anew, and scores through its own vectorizers and regression."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, truth = sentences(120, 3)
    texts, truth = [*texts, *HOSTILE], np.concatenate([truth, np.zeros((len(HOSTILE), 2), np.float32)])
    vectorizers = [
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    ]
    features = hstack([vectorizer.fit_transform(texts) for vectorizer in vectorizers]).tocsr()
    others = [*HOSTILE, *[text.upper() + " Fool" for text in HOSTILE], *sentences(20, 4)[0]]
    other_features = hstack([vectorizer.transform(others) for vectorizer in vectorizers]).tocsr()
    for label in range(2):
        regression = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=13)
        expected = regression.fit(features, truth[:, label]).decision_function(other_features)
        assert fitted.logits(others)[:, label] == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_cut_as_scikit_learn_cuts_them(text):
    from sklearn.feature_extraction.text import CountVectorizer

    word = CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b").build_analyzer()
    character = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    assert sorted(ngrams.word_ngrams(text.lower())) == sorted(word(text))
    assert sorted(ngrams.character_ngrams(text.lower())) == sorted(character(text))


def test_what_is_saved_scores_to_the_last_bit_as_before_without_pickle_and_scikit_learn(fitted, tmp_path, monkeypatch):
    ngrams.save(fitted, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ngrams.json", "ngrams.safetensors"]
    monkeypatch.setitem(sys.modules, "sklearn", None)
    loaded = ngrams.load(tmp_path)
    assert np.array_equal(loaded.logits(HOSTILE), fitted.logits(HOSTILE))


def test_a_directory_without_ngrams_has_none_and_half_of_them_is_a_reason(fitted, tmp_path):
    assert ngrams.load(tmp_path) is None
    ngrams.save(fitted, tmp_path)
    content = json.loads((tmp_path / "ngrams.json").read_text())
    (tmp_path / "ngrams.json").write_text(json.dumps({**content, "words": content["words"][1:]}))
    with pytest.raises(ValueError, match="the two files belong to different models"):
        ngrams.load(tmp_path)
    (tmp_path / "ngrams.json").unlink()
    with pytest.raises(ValueError, match=r"found ngrams\.safetensors alone, expected both"):
        ngrams.load(tmp_path)


def test_rows_without_an_annotation_teach_nothing(fitted):
    texts, truth = sentences(60, 5)
    masked = truth.copy()
    masked[40:, 1] = math.nan
    one = fit_ngrams(texts, masked)
    other = fit_ngrams(texts, np.where(np.isnan(masked), 1 - truth, masked))
    assert np.array_equal(one.logits(texts)[:, 0], other.logits(texts)[:, 0])
    assert not np.allclose(one.logits(texts)[:, 1], other.logits(texts)[:, 1])


def test_texts_without_a_word_are_a_reason():
    with pytest.raises(ValueError, match="found no word in 2 texts"):
        fit_ngrams(["!!!", "..."], np.array([[1.0], [0.0]]))


def test_a_long_text_is_scored_in_good_time(fitted):
    def seconds(text):
        started = time.process_time()
        assert np.isfinite(fitted.logits([text])).all()
        return time.process_time() - started

    assert seconds("you fool " * 5000) < 40 * seconds("you fool " * 500)
