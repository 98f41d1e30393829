from pathlib import Path

import numpy as np
import pytest
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.fitting.head import label_prior
from moderation.job.dataset import read_split
from moderation.model.batching import tokenise
from moderation.training.ranks import Ranks
from moderation.training.run import LabelledTokens, Run
from moderation.training.start import build_model, start_head

LABELS = ["insult", "threat"]


def run_with(**settings):
    settings = Hyperparameters(max_length=16, **settings)
    return Run(settings, Ranks(0, 1, 0), torch.device("cpu"), torch.float32, Path("unused"), lambda: False)


@pytest.fixture(scope="module")
def split(dataset):
    return read_split(dataset / "train", LABELS)


def test_the_model_is_what_the_settings_ask_for(base_model):
    model, _ = build_model(run_with(pooling="cls", dropout=0.25), base_model, LABELS)
    assert model.head_settings.pooling == "cls"
    assert model.dropout.p == 0.25
    assert not model.encoder.get_input_embeddings().weight.requires_grad
    assert not model.head.weight.any()
    free, _ = build_model(run_with(freeze_word_embeddings=False), base_model, LABELS)
    assert free.encoder.get_input_embeddings().weight.requires_grad


def test_the_head_starts_from_a_linear_probe_or_from_the_priors(base_model, split):
    for probe in (True, False):
        run = run_with(linear_probe=probe)
        model, tokenizer = build_model(run, base_model, LABELS)
        start_head(model, run, LabelledTokens(tokenise(tokenizer, split.texts, 16), split.truth))
        assert bool(model.head.weight.any()) is probe
        if not probe:
            assert model.head.bias.tolist() == pytest.approx(label_prior(split.truth))
    assert np.isnan(split.truth).any()
