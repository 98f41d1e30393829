import numpy as np
import pytest
import torch

from moderation.training import ranks
from moderation.training.ranks import Ranks, join

CPU = torch.device("cpu")


def test_together_the_ranks_have_every_row_once():
    own = [Ranks(rank, 3, rank).own(range(10)) for rank in range(3)]
    assert sorted(row for rows in own for row in rows) == list(range(10))
    assert [Ranks(rank, 3, rank).leads for rank in range(3)] == [True, False, False]


def test_one_process_talks_to_itself(monkeypatch):
    for variable in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(variable, raising=False)
    alone = join()
    assert alone == Ranks(0, 1, 0)
    assert alone.sum([1.0, 2.0], CPU) == [1.0, 2.0]
    assert alone.common([3, 1], CPU) == [1, 3]
    assert alone.broadcast(np.ones(2), CPU).tolist() == [1, 1]
    assert alone.gather_rows(np.ones((2, 1)), 2, CPU).shape == (2, 1)
    alone.wait()
    ranks.leave()


@pytest.fixture
def two(monkeypatch):
    """Rank 0 of two, whose partner answers with the same tensors times ten."""

    def all_gather(parts, tensor):
        parts[0].copy_(tensor)
        parts[1].copy_(tensor * 10)

    monkeypatch.setattr(ranks.dist, "all_gather", all_gather)
    return Ranks(0, 2, 0)


def test_rows_are_gathered_in_their_order_and_padding_is_left_out(two):
    gathered = two.gather_rows(np.array([[1.0], [2.0]], np.float32), 3, CPU)
    assert gathered.ravel().tolist() == [1, 10, 2]


def test_a_process_is_named_in_the_log(monkeypatch):
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-2")
    assert Ranks(1, 2, 0).describe(CPU).startswith("rank 1 of 2 on host algo-2 pid ")
