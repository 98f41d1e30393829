"""A training run as all that takes part in it sees it, and the rows that it works through."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.model.batching import Tokens
from moderation.training.ranks import Ranks


@dataclass(frozen=True)
class Run:
    """What stays the same from the first step to the last."""

    settings: Hyperparameters
    ranks: Ranks
    device: torch.device
    dtype: torch.dtype
    """The type that matrices are multiplied in."""
    checkpoint_directory: Path
    stop_requested: Callable[[], bool]
    """Whether a signal has asked this process to end."""


@dataclass(frozen=True, eq=False)
class LabelledTokens:
    """The rows of a split, ready for the encoder."""

    tokens: Tokens
    truth: np.ndarray
    """(rows, labels): 1, 0, or NaN where not annotated."""
