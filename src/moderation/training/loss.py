"""What the training minimises: binary cross-entropy over the annotated labels, rare positives weighted up."""

import numpy as np
import torch


def masked_loss(logits: torch.Tensor, truth: torch.Tensor, positive_weight: torch.Tensor) -> torch.Tensor:
    """Sum of the binary cross-entropy over the annotated labels; logits, truth (rows, labels), NaN: not annotated.

    A positive counts `positive_weight` (labels) times. That alone would teach the model odds that are as many times
    too high; the logits are raised by its logarithm before the loss is taken, so that they learn the true odds.
    """
    annotated = ~torch.isnan(truth)
    raised = logits + positive_weight.log()
    return torch.nn.functional.binary_cross_entropy_with_logits(
        raised[annotated], truth[annotated], reduction="sum", pos_weight=positive_weight.expand_as(truth)[annotated]
    )


def positive_weights(truth: np.ndarray, kind: str) -> np.ndarray:
    """How often a positive counts (labels) for truth (rows, labels): `none` once, `sqrt` the root of negatives a
    positive, which pulls rare labels up without letting a handful of rows rule."""
    if kind == "none":
        return np.ones(truth.shape[1], dtype=np.float32)
    positives = np.nansum(truth, axis=0)
    negatives = (~np.isnan(truth)).sum(axis=0) - positives
    return np.sqrt((negatives + 1) / (positives + 1)).astype(np.float32)
