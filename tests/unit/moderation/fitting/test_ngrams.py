import math

import numpy as np
import pytest
from helpers.samples import HOSTILE, sentences

from moderation.fitting.ngrams import fit_ngrams


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
