"""What is fitted once the encoder has been trained: n-grams, their blend, the temperature and the policy."""

import time
from dataclasses import dataclass

import numpy as np

from moderation.fitting.blend import choose_blend
from moderation.fitting.ngrams import fit_ngrams
from moderation.fitting.temperature import choose_temperature
from moderation.fitting.thresholds import choose_policy, prevalences
from moderation.fitting.validation_scores import ValidationScores
from moderation.job.container import say
from moderation.model.classifier import Classifier
from moderation.model.ngrams import Ngrams
from moderation.model.policy import Policy
from moderation.model.scoring import sigmoid
from moderation.training.data import TrainingData


@dataclass(frozen=True, eq=False)
class Blended:
    """Encoder and n-grams as one model."""

    ngrams: Ngrams | None
    """The n-gram part, whose logits are added to the encoder's; None where the encoder is alone."""
    encoder_share: float
    """Of the encoder in the blend; 1 where it is alone."""
    validation_logits: np.ndarray
    """(rows, labels) of the blend."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What was fitted on top of the trained encoder."""

    ngrams: Ngrams | None
    encoder_share: float
    temperature: float
    """What all logits were divided by."""
    scores: ValidationScores
    policy: Policy


def finish(model: Classifier, data: TrainingData, encoder_logits: np.ndarray, with_ngrams: bool) -> Finished:
    """Fit what is added to the encoder, on its logits (rows, labels) of the validation split.

    Blend and temperature are folded into the model's head and the n-gram weights: what was chosen here is what serves.
    """
    blended = Blended(None, 1.0, encoder_logits)
    if with_ngrams:
        blended = add_ngrams(model, data, encoder_logits)

    truth = data.validation.truth
    temperature = choose_temperature(truth, blended.validation_logits)
    ngrams = cool(model, blended.ngrams, temperature)

    probs = sigmoid(blended.validation_logits / temperature)
    scores = ValidationScores(truth, probs, prevalences(data.train.truth))
    policy = choose_policy(data.labels, scores.truth, scores.probs, scores.prevalence)
    return Finished(ngrams, blended.encoder_share, temperature, scores, policy)


def add_ngrams(model: Classifier, data: TrainingData, encoder_logits: np.ndarray) -> Blended:
    """Fit the n-grams on train and blend them with the encoder on validation.

    The blend is folded into the head and into the n-gram weights: the model's logit is the plain sum of both parts'.
    """
    started = time.monotonic()
    ngrams = fit_ngrams(data.train.texts, data.train.truth)
    ngram_logits = ngrams.logits(data.validation.texts)
    blend = choose_blend(data.validation.truth, encoder_logits, ngram_logits)

    weights = model.head.weight.detach().cpu().numpy() * blend.encoder[:, None]
    model.set_head(weights, model.head.bias.detach().cpu().numpy() * blend.encoder)
    say(f"n-grams fitted and blended in {time.monotonic() - started:.1f} s, share of the encoder {blend.share:.2f}")
    return Blended(ngrams.scaled(blend.ngrams, blend.offset), blend.share, blend.mix(encoder_logits, ngram_logits))


def cool(model: Classifier, ngrams: Ngrams | None, temperature: float) -> Ngrams | None:
    """Divide all logits of the model by the temperature; returns the n-grams that then belong to it."""
    weights, biases = (part.detach().cpu().numpy() / temperature for part in (model.head.weight, model.head.bias))
    model.set_head(weights, biases)
    if ngrams is None:
        return None
    return ngrams.scaled(np.full(len(biases), 1 / temperature), np.zeros(len(biases)))
