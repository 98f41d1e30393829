"""The baseline that a model must justify itself against: TF-IDF and balanced logistic regression, one a label."""

from collections.abc import Sequence

import numpy as np

MAXIMUM_FEATURES = 50_000  # of each kind: enough for its best score, few enough to fit in seconds


def baseline_probabilities(
    texts: Sequence[str], truth: np.ndarray, others: Sequence[Sequence[str]]
) -> list[np.ndarray]:
    """Fit on texts and truth (rows, labels); returns probabilities (rows, labels) for each of `others`.

    Words and pairs of words, and three to five characters within words. A label without both a positive and a
    negative row is scored with its prevalence.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    common = {"sublinear_tf": True, "max_features": MAXIMUM_FEATURES, "dtype": np.float32}
    vectorizers = [
        TfidfVectorizer(analyzer="word", ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **common),  # noqa: S106
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **common),
    ]
    features = hstack([vectorizer.fit_transform(texts) for vectorizer in vectorizers]).tocsr()
    other_features = [hstack([vectorizer.transform(part) for vectorizer in vectorizers]).tocsr() for part in others]
    results = [np.empty((len(part), truth.shape[1]), dtype=np.float32) for part in others]
    for index in range(truth.shape[1]):
        known = ~np.isnan(truth[:, index])
        answers = truth[known, index]
        if 0 < answers.sum() < len(answers):
            model = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=13)
            model.fit(features[known], answers)
            for result, part in zip(results, other_features, strict=True):
                result[:, index] = model.predict_proba(part)[:, 1]
        else:
            for result in results:
                result[:, index] = answers.mean() if len(answers) else 0.5
    return results
