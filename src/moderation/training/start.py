"""What a training starts from: the base model with a head that is not a random one."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from moderation.fitting.base_model import check_max_length, from_base_model
from moderation.fitting.head import fit_head, label_prior, probe_rows
from moderation.job.container import say
from moderation.model.classifier import Classifier, Head, load_tokenizer
from moderation.model.scoring import features
from moderation.training.run import LabelledTokens, Run


def build_model(run: Run, base_model: Path, labels: list[str]) -> tuple[Classifier, Any]:
    """The classifier to train, with a head of zeros, and its tokenizer.

    Raises ValueError where the base model can't be used or reads no texts of this length.
    """
    settings = run.settings
    tokenizer = load_tokenizer(base_model)
    head = Head(settings.dropout, settings.max_length, settings.pooling)
    dropout = settings.encoder_dropout if settings.encoder_dropout >= 0 else None
    # on a CPU, the backward pass of fused attention is the slower one
    attention = "eager" if run.device.type == "cpu" else None
    model = from_base_model(base_model, labels, head, dropout, attention).to(run.device)
    check_max_length(model, tokenizer, settings.max_length)

    if settings.freeze_word_embeddings:
        model.encoder.get_input_embeddings().requires_grad_(False)
    if settings.compile:
        model.encoder.compile(dynamic=True)  # in place: the names of its weights stay
    return model, tokenizer


def start_head(model: Classifier, run: Run, train_rows: LabelledTokens) -> None:
    """Give the head its start: a linear probe on the frozen encoder, or each label's prior.

    Every rank computes the features of its share of the rows; the leader fits, and all take the leader's head.
    """
    truth = train_rows.truth
    weights, biases = np.zeros(model.head.weight.shape), label_prior(truth)
    if run.settings.linear_probe:
        started = time.monotonic()
        rows = probe_rows(len(truth), run.settings.probe_rows, run.settings.seed)
        own = features(model, train_rows.tokens, run.ranks.own(rows), run.dtype)
        gathered = run.ranks.gather_rows(own, len(rows), run.device)

        if run.ranks.leads:
            weights, biases = fit_head(gathered, truth[rows])
            say(f"linear probe on {len(rows)} rows in {time.monotonic() - started:.1f} s")
        weights, biases = run.ranks.broadcast(weights, run.device), run.ranks.broadcast(biases, run.device)
    model.set_head(weights, biases)
