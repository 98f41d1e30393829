"""What a model must justify itself against: TF-IDF or the untouched encoder, with a logistic regression a label."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

MAXIMUM_FEATURES = 50_000  # of each kind: enough for its best score, few enough to fit in seconds
PROBE_ROWS = 20_000  # train rows that the untouched encoder reads at most, as in training
SEED = 13


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
            model = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=SEED)
            model.fit(features[known], answers)
            for result, part in zip(results, other_features, strict=True):
                result[:, index] = model.predict_proba(part)[:, 1]
        else:
            for result in results:
                result[:, index] = answers.mean() if len(answers) else 0.5
    return results


def probe_probabilities(
    base_model: Path, max_length: int, texts: Sequence[str], truth: np.ndarray, others: Sequence[Sequence[str]]
) -> list[np.ndarray]:
    """The same from the mean-pooled features of the encoder in a directory, as nobody has trained it on these labels.

    Fitted as the head's start in training is: it shows what the fine-tuning after it was worth. Texts are cut to
    `max_length` tokens. Raises ValueError where the directory holds no usable encoder.
    """
    from moderation import model as models
    from moderation import probe
    from moderation.batching import tokenise
    from moderation.scoring import choose_device, choose_dtype, features

    device = choose_device(0)
    dtype = choose_dtype("auto", device)
    names = [str(index) for index in range(truth.shape[1])]
    encoder = models.from_base_model(base_model, names, models.Head(0.0, max_length), 0.0, None).to(device)
    tokenizer = models.load_tokenizer(base_model)

    def pooled(part: Sequence[str]) -> np.ndarray:
        tokens = tokenise(tokenizer, list(part), max_length)
        return features(encoder, tokens, list(range(len(part))), dtype)

    rows = probe.probe_rows(len(texts), PROBE_ROWS, SEED)
    weights, biases = probe.fit_head(pooled([texts[row] for row in rows]), truth[rows])
    return [1 / (1 + np.exp(-(pooled(part) @ weights.T + biases))) for part in others]
