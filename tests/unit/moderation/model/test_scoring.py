import numpy as np
import pytest
import torch
from helpers.samples import LABELS, saved_model, sentences

from moderation.fitting.base_model import from_base_model
from moderation.fitting.ngrams import fit_ngrams
from moderation.model import ngrams
from moderation.model.batching import tokenise
from moderation.model.classifier import Head, load_tokenizer
from moderation.model.scoring import Scorer, choose_dtype, features, logits, sigmoid

TEXTS = ["you are a fool", "nice hot soup", "run " * 40]


@pytest.fixture(scope="module")
def blended(tmp_path_factory, base_model):
    """A saved model with an n-gram part, and that part."""
    directory = saved_model(tmp_path_factory.mktemp("blended") / "model", base_model, LABELS, 0.5, [0.4, 0.6])
    fitted = fit_ngrams(*sentences(80, 3))
    ngrams.save(fitted, directory)
    return directory, fitted


def test_a_models_logit_is_the_sum_of_its_parts(blended):
    directory, fitted = blended
    scorer = Scorer.load(directory)
    tokens = tokenise(scorer.tokenizer, TEXTS, scorer.max_length)
    encoder = logits(scorer.model, tokens, [0, 1, 2], torch.float32)
    scores = scorer.score(TEXTS)
    assert scores.probs == pytest.approx(sigmoid(encoder + fitted.logits(TEXTS)), abs=1e-6)
    assert scores.probs.dtype == np.float32
    assert scores.truncated == [False, False, True]
    assert scorer.labels == LABELS


def test_a_model_without_ngrams_scores_by_its_encoder_alone(served_model):
    scorer = Scorer.load(served_model)
    tokens = tokenise(scorer.tokenizer, TEXTS, scorer.max_length)
    assert scorer.ngrams is None
    assert scorer.score(TEXTS).probs == pytest.approx(sigmoid(logits(scorer.model, tokens, [0, 1, 2], torch.float32)))


def test_no_texts_have_no_scores(blended):
    found = Scorer.load(blended[0]).score([])
    assert found.probs.shape == (0, 2)
    assert found.truncated == []


def test_ngrams_of_another_model_are_refused(base_model, tmp_path):
    texts, truth = sentences(40, 3)
    directory = saved_model(tmp_path / "model", base_model, LABELS, 0.5, [0.4, 0.6])
    ngrams.save(fit_ngrams(texts, truth[:, :1]), directory)
    with pytest.raises(ValueError, match="found n-grams for 1 labels, expected 2"):
        Scorer.load(directory)


def test_probabilities_of_far_logits_neither_overflow_nor_leave_the_unit_interval():
    with np.errstate(over="raise"):
        found = sigmoid(np.array([-1e4, -30, 0, 30, 1e4], dtype=np.float32))
    assert found.tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-9)


def test_scores_do_not_depend_on_the_company_in_a_batch(base_model):
    tokenizer = load_tokenizer(base_model)
    model = from_base_model(base_model, LABELS, Head(0.1, 16), 0.0, None)
    model.set_head(np.random.default_rng(1).normal(size=(2, 32)), np.zeros(2))
    texts = [f"you {'are ' * (number % 9)}kind" for number in range(70)]
    tokens = tokenise(tokenizer, texts, 16)
    together = sigmoid(logits(model, tokens, list(range(70)), torch.float32))
    alone = np.concatenate([sigmoid(logits(model, tokens, [row], torch.float32)) for row in range(9)])
    assert together[:9] == pytest.approx(alone, abs=1e-5)
    assert np.ptp(together[:9, 0]) > 1e-3
    assert features(model, tokens, [5, 3], torch.float32)[1] == pytest.approx(
        features(model, tokens, [3], torch.float32)[0], abs=1e-5
    )


def test_precision_is_what_was_asked_for():
    device = torch.device("cpu")
    assert choose_dtype("fp32", device) == torch.float32
    assert choose_dtype("bf16", device) == torch.bfloat16
