import numpy as np
import pytest
import torch

from moderation.fitting.base_model import from_base_model
from moderation.model.batching import tokenise
from moderation.model.classifier import Head, load_tokenizer
from moderation.model.scoring import logits
from moderation.training.arguments import Channels
from moderation.training.data import read_data
from moderation.training.finish import cool, finish


@pytest.fixture(scope="module")
def data(dataset):
    return read_data(Channels(dataset / "train", dataset / "validation", dataset, dataset), deobfuscate=False)


def encoder_logits(model, base_model, data):
    tokens = tokenise(load_tokenizer(base_model), data.validation.texts, 16)
    return logits(model, tokens, list(range(len(data.validation.texts))), torch.float32)


@pytest.fixture
def model(base_model):
    made = from_base_model(base_model, ["insult", "threat"], Head(0.0, 16), 0.0, None)
    made.set_head(np.random.default_rng(1).normal(0, 0.3, (2, 32)), np.array([-1.0, -2.0]))
    return made


@pytest.mark.parametrize("with_ngrams", [True, False])
def test_what_is_fitted_is_folded_into_the_weights(model, base_model, data, with_ngrams):
    finished = finish(model, data, encoder_logits(model, base_model, data), with_ngrams)
    answered = encoder_logits(model, base_model, data)
    if with_ngrams:
        answered = answered + finished.ngrams.logits(data.validation.texts)
    else:
        assert finished.ngrams is None
        assert finished.encoder_share == 1
    assert 1 / (1 + np.exp(-answered)) == pytest.approx(finished.scores.probs, abs=2e-3)
    assert finished.policy.labels == ("insult", "threat")


def test_cooling_divides_the_logits_of_both_parts(model, base_model, data):
    before = encoder_logits(model, base_model, data)
    assert cool(model, None, 2.0) is None
    assert encoder_logits(model, base_model, data) == pytest.approx(before / 2, abs=1e-5)
