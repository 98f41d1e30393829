"""Makes one model of encoder and n-grams: the share of each in the sum of their logits, chosen on validation."""

from dataclasses import dataclass

import numpy as np

from moderation.metrics.scores import macro_average_precision

SHARES = np.linspace(0, 1, 21)
USUAL_SHARE = 2 / 3  # of the encoder, where validation can't tell: near the best on all sets that were tried
HALF_TRUST_POSITIVES = 400  # with so many validation positives of all labels, the best share found counts half
SMALLEST_SPREAD = 1e-3


@dataclass(frozen=True)
class Blend:
    """The model's logit of a label is `encoder` x the encoder's logit + `ngrams` x the n-grams' logit + `offset`."""

    share: float
    """Of the encoder in the blend, in (0, 1)."""
    encoder: np.ndarray
    """(labels)"""
    ngrams: np.ndarray
    """(labels)"""
    offset: np.ndarray
    """(labels)"""

    def mix(self, encoder: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
        """Logits (rows, labels) of the model for those of its parts (rows, labels)."""
        return self.encoder * encoder + self.ngrams * ngrams + self.offset


def choose_blend(truth: np.ndarray, encoder: np.ndarray, ngrams: np.ndarray) -> Blend:
    """The blend for truth (rows, labels) of 1, 0 and NaN and both parts' logits (rows, labels) on validation.

    The n-grams' logits are brought to mean and spread of the encoder's, which is calibrated; that uses no truth. One
    share serves all labels, the one with the highest macro average precision, shrunk towards USUAL_SHARE: a share
    chosen on few positives overfits them.
    """
    spread = np.maximum(encoder.std(axis=0), SMALLEST_SPREAD)
    ngram_spread = ngrams.std(axis=0)
    # n-grams that say nothing about a label have no spread: they must not be blown up to the encoder's
    factor = np.where(ngram_spread > SMALLEST_SPREAD, spread / np.maximum(ngram_spread, SMALLEST_SPREAD), 0.0)
    offset = encoder.mean(axis=0) - factor * ngrams.mean(axis=0)
    alike = factor * ngrams + offset  # the n-grams' logits on the encoder's scale

    candidates = [macro_average_precision(truth, share * encoder + (1 - share) * alike) for share in SHARES]
    best = SHARES[int(np.argmax([0.0 if value is None else value for value in candidates]))]
    positives = float(np.nansum(truth))
    trust = positives / (positives + HALF_TRUST_POSITIVES)
    share = float(trust * best + (1 - trust) * USUAL_SHARE)
    return Blend(share, np.full(truth.shape[1], share), (1 - share) * factor, (1 - share) * offset)
