"""Fits the n-gram part: TF-IDF of words and characters, and a balanced logistic regression a label."""

from collections.abc import Sequence

import numpy as np

from moderation.fitting.head import label_prior
from moderation.model.ngrams import CHARACTER_RANGE, WORD, WORD_RANGE, Ngrams

MAXIMUM_FEATURES = 50_000  # of each kind: enough for its best score, few enough to fit in seconds


def fit_ngrams(texts: Sequence[str], truth: np.ndarray) -> Ngrams:
    """Fit on texts and truth (rows, labels) of 1, 0 and NaN.

    A label without both a positive and a negative row gets weights of zero and its prior as bias. Raises ValueError
    where no text holds a word.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    common = {"sublinear_tf": True, "max_features": MAXIMUM_FEATURES, "dtype": np.float32}
    vectorizers = [
        TfidfVectorizer(analyzer="word", ngram_range=WORD_RANGE, token_pattern=WORD, **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTER_RANGE, **common),
    ]
    try:
        features = hstack([vectorizer.fit_transform(texts) for vectorizer in vectorizers]).tocsr()
    except ValueError as error:
        raise ValueError(f"found no word in {len(texts)} texts, expected texts to learn from ({error})") from error

    weights = np.zeros((truth.shape[1], features.shape[1]), dtype=np.float16)
    biases = label_prior(truth).astype(np.float32)
    for index in range(truth.shape[1]):
        annotated = ~np.isnan(truth[:, index])
        answers = truth[annotated, index]
        if 0 < answers.sum() < len(answers):
            regression = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=13)
            regression.fit(features[annotated], answers)
            weights[index] = regression.coef_[0]
            biases[index] = regression.intercept_[0]

    words, characters = (vectorizer.get_feature_names_out().tolist() for vectorizer in vectorizers)
    idf = np.concatenate([vectorizer.idf_ for vectorizer in vectorizers]).astype(np.float32)
    return Ngrams(words, characters, idf, weights, biases)
