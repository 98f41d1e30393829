import dataclasses
from pathlib import Path

import pytest
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.training.ranks import Ranks
from moderation.training.run import Run


def test_a_run_stays_what_it_is():
    run = Run(Hyperparameters(), Ranks(0, 1, 0), torch.device("cpu"), torch.float32, Path("checkpoints"), lambda: False)
    assert not run.stop_requested()
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.dtype = torch.bfloat16
