"""Scores texts with a classifier, and chooses device and precision for it."""

import platform
from pathlib import Path

import numpy as np
import torch

from moderation.batching import Tokens, pad, sorted_batches
from moderation.model import Classifier

BATCH_ROWS = 32
PRECISIONS = ("auto", "fp32", "bf16")


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
def probabilities(model: Classifier, tokens: Tokens, rows: list[int], dtype: torch.dtype) -> np.ndarray:
    """Probabilities (rows, labels) float32 in [0, 1] of some texts, in the order of `rows`."""
    return 1 / (1 + np.exp(-_by_batches(model, model, tokens, rows, dtype)))


def _by_batches(model: Classifier, function, tokens: Tokens, rows: list[int], dtype: torch.dtype) -> np.ndarray:
    device = model.head.weight.device
    was_training = model.training
    model.eval()
    outputs, order = [], []
    for batch in sorted_batches(tokens.lengths[rows], BATCH_ROWS):
        inputs = {name: value.to(device) for name, value in pad(tokens, [rows[place] for place in batch]).items()}
        with autocast(device, dtype):
            outputs.append(function(**inputs).float().cpu().numpy())
        order += batch
    model.train(was_training)
    result = np.concatenate(outputs)
    return result[np.argsort(order)]
