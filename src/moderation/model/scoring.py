"""Scores texts with a saved model, one way for serving and evaluation; chooses device and precision."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moderation.model import classifier as models
from moderation.model import deobfuscation, ngrams
from moderation.model.batching import Tokens, pad, sorted_batches, tokenise
from moderation.model.classifier import Classifier
from moderation.model.deobfuscation import Deobfuscator

BATCH_ROWS = 32


@dataclass(frozen=True)
class Scores:
    """What a model says about some texts."""

    probs: np.ndarray
    """(rows, labels) float32 in [0, 1]"""
    truncated: list[bool]
    """Whether the encoder read only the start of a text; the n-grams read all of it."""


@dataclass(frozen=True)
class Scorer:
    """A model directory that train.py saved, ready to score texts."""

    model: Classifier
    tokenizer: Any
    ngrams: ngrams.Ngrams | None
    """The n-gram part, whose logits are added to the encoder's; None where the model was trained without."""
    deobfuscator: Deobfuscator | None
    """Gives hidden words back before anything reads them; None where the model was trained without."""

    @classmethod
    def load(cls, directory: Path) -> "Scorer":
        """Load a model directory onto the GPU of this process, or the CPU. Raises ValueError where it is not one."""
        model, tokenizer = models.load(directory)
        own_ngrams = ngrams.load(directory)
        if own_ngrams and len(own_ngrams.biases) != len(model.labels):
            raise ValueError(
                f"{directory}: found n-grams for {len(own_ngrams.biases)} labels, expected {len(model.labels)} as the "
                "model has; their files belong to another model"
            )
        return cls(model.to(choose_device(0)), tokenizer, own_ngrams, deobfuscation.load(directory))

    @property
    def labels(self) -> list[str]:
        """The labels in the order of every array."""
        return self.model.labels

    @property
    def max_length(self) -> int:
        """Tokens that the encoder reads of a text."""
        return self.model.head_settings.max_length

    def score(self, texts: list[str]) -> Scores:
        """Score texts in fp32, in their order, whatever their number."""
        if self.deobfuscator:
            texts = [self.deobfuscator(text) for text in texts]
        tokens = tokenise(self.tokenizer, texts, self.max_length)
        rows = list(range(len(texts)))
        scored = logits(self.model, tokens, rows, torch.float32)
        if self.ngrams:
            scored = scored + self.ngrams.logits(texts)
        return Scores(sigmoid(scored), tokens.truncated)


def choose_device(local_rank: int) -> torch.device:
    """The GPU of this process, or the CPU."""
    return torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that `auto`, `fp32` or `bf16` means here; `auto` takes bf16 where the hardware multiplies it."""
    if precision == "fp32" or (precision == "auto" and not _multiplies_bf16(device)):
        return torch.float32
    return torch.bfloat16


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if platform.system() != "Linux":
        return False
    words = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    return not words.isdisjoint({"avx512_bf16", "amx_bf16"})


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Context in which matrices are multiplied in `dtype`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


@torch.inference_mode()
def features(model: Classifier, tokens: Tokens, rows: list[int], dtype: torch.dtype) -> np.ndarray:
    """Pooled features (rows, hidden) float32 of some texts, in the order of `rows`."""
    return _by_batches(model, model.features, tokens, rows, dtype)


@torch.inference_mode()
def logits(model: Classifier, tokens: Tokens, rows: list[int], dtype: torch.dtype) -> np.ndarray:
    """The encoder's logits (rows, labels) float32 of some texts, in the order of `rows`."""
    return _by_batches(model, model, tokens, rows, dtype)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    return np.exp(-np.logaddexp(0, -values))


def _by_batches(
    model: Classifier, function: Callable[..., torch.Tensor], tokens: Tokens, rows: list[int], dtype: torch.dtype
) -> np.ndarray:
    if not rows:
        return np.empty((0, len(model.labels)), dtype=np.float32)
    device = model.head.weight.device
    was_training = model.training
    model.eval()

    outputs: list[np.ndarray] = []
    order: list[int] = []
    for batch in sorted_batches(tokens.lengths[rows], BATCH_ROWS):
        inputs = {name: value.to(device) for name, value in pad(tokens, [rows[place] for place in batch]).items()}
        with autocast(device, dtype):
            outputs.append(function(**inputs).float().cpu().numpy())
        order += batch

    model.train(was_training)
    result = np.concatenate(outputs)
    return result[np.argsort(order)]  # back from the order of the batches
