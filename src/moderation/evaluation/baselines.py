"""What a model must justify itself against: TF-IDF, which is its n-gram part alone, and the frozen encoder."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from contract.evaluation.document import System
from moderation.evaluation.data import EvaluationData
from moderation.evaluation.seconds import Seconds
from moderation.fitting.ngrams import fit_ngrams
from moderation.fitting.thresholds import choose_review, prevalences
from moderation.job.container import say
from moderation.metrics.scored import Scored

PROBE_ROWS = 20_000  # train rows that the frozen encoder reads at most, as in training
SEED = 13


def score_baselines(
    data: EvaluationData, base_model: Path | None, max_length: int, seconds: Seconds
) -> dict[System, Scored]:
    """TF-IDF, and the frozen encoder where there is a base model: fitted on train, thresholds chosen on validation."""
    fits: dict[System, Callable[..., list[np.ndarray]]] = {"baseline": baseline_probabilities}
    if base_model is not None:
        fits["frozen_encoder"] = partial(frozen_encoder_probabilities, base_model, max_length)

    train, validation, test = data.train, data.validation, data.test
    scored: dict[System, Scored] = {}
    for name, fit in fits.items():
        started = time.monotonic()
        with seconds.spent_on("baselines"):
            on_validation, on_test = fit(train.texts, train.truth, [validation.texts, test.texts])
            thresholds = choose_review(validation.truth, on_validation, prevalences(train.truth))
        scored[name] = Scored(data.labels, on_test, thresholds)
        say(f"{name} fitted and scored in {time.monotonic() - started:.1f} s")
    return scored


def baseline_probabilities(
    texts: Sequence[str], truth: np.ndarray, others: Sequence[Sequence[str]]
) -> list[np.ndarray]:
    """Fit on texts and truth (rows, labels); returns probabilities (rows, labels) for each of `others`.

    TF-IDF of words, pairs of words and three to five characters, and a balanced logistic regression a label. A label
    without both a positive and a negative row is scored with its smoothed prevalence.
    """
    from moderation.model.scoring import sigmoid

    ngrams = fit_ngrams(texts, truth)
    return [sigmoid(ngrams.logits(part)) for part in others]


def frozen_encoder_probabilities(
    base_model: Path, max_length: int, texts: Sequence[str], truth: np.ndarray, others: Sequence[Sequence[str]]
) -> list[np.ndarray]:
    """The same from the mean-pooled features of the encoder in a directory, as nobody has trained it on these labels.

    Fitted as the head's start in training is: it shows what the fine-tuning after it was worth. Texts are cut to
    `max_length` tokens. Raises ValueError where the directory holds no usable encoder.
    """
    from moderation.fitting import head
    from moderation.fitting.base_model import from_base_model
    from moderation.model import classifier as models
    from moderation.model.batching import tokenise
    from moderation.model.scoring import choose_device, choose_dtype, features, sigmoid

    device = choose_device(0)
    dtype = choose_dtype("auto", device)
    names = [str(index) for index in range(truth.shape[1])]
    encoder = from_base_model(base_model, names, models.Head(0.0, max_length), 0.0, None).to(device)
    tokenizer = models.load_tokenizer(base_model)

    def pooled(part: Sequence[str]) -> np.ndarray:
        tokens = tokenise(tokenizer, list(part), max_length)
        return features(encoder, tokens, list(range(len(part))), dtype)

    rows = head.probe_rows(len(texts), PROBE_ROWS, SEED)
    weights, biases = head.fit_head(pooled([texts[row] for row in rows]), truth[rows])
    return [sigmoid(pooled(part) @ weights.T + biases) for part in others]
