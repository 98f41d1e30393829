import json
import sys
import time

import numpy as np
import pytest
from helpers.samples import HOSTILE, sentences

from moderation.fitting.ngrams import fit_ngrams
from moderation.model import ngrams


@pytest.fixture(scope="module")
def fitted():
    texts, truth = sentences(120, 3)
    return fit_ngrams([*texts, *HOSTILE], np.concatenate([truth, np.zeros((len(HOSTILE), 2), np.float32)]))


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


def test_a_long_text_is_scored_in_good_time(fitted):
    def seconds(text):
        started = time.process_time()
        assert np.isfinite(fitted.logits([text])).all()
        return time.process_time() - started

    assert seconds("you fool " * 5000) < 40 * seconds("you fool " * 500)
