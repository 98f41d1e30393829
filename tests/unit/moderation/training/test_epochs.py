import itertools

import numpy as np
import pytest

from moderation.training.epochs import EpochBatches, shuffled_batches
from moderation.training.ranks import Ranks

LENGTHS = np.random.default_rng(1).integers(3, 100, 333)


def test_an_epoch_holds_every_row_once_in_batches_of_similar_length():
    batches = shuffled_batches(LENGTHS, 8, seed=13, epoch=0)
    assert sorted(row for batch in batches for row in batch) == list(range(333))
    waste = sum(LENGTHS[batch].max() * len(batch) for batch in batches) / LENGTHS.sum()
    plain = sum(LENGTHS[place : place + 8].max() * 8 for place in range(0, 333, 8)) / LENGTHS.sum()
    assert waste < 1.2 < plain


def test_epochs_and_seeds_differ_and_repeat():
    assert shuffled_batches(LENGTHS, 8, 13, 0) == shuffled_batches(LENGTHS, 8, 13, 0)
    assert shuffled_batches(LENGTHS, 8, 13, 0) != shuffled_batches(LENGTHS, 8, 13, 1)
    assert shuffled_batches(LENGTHS, 8, 13, 0) != shuffled_batches(LENGTHS, 8, 14, 0)


@pytest.mark.parametrize("rows", [3, 8, 9, 11, 12, 97, 333])
@pytest.mark.parametrize("world_size", [2, 3])
def test_the_ranks_together_take_the_steps_of_one(world_size, rows):
    alone = list(EpochBatches(LENGTHS[:rows], 8, 13, 1))
    assert sorted(itertools.chain(*alone)) == list(range(rows))
    assert list(EpochBatches(LENGTHS[:rows], 8, 13, world_size)) == alone
    for batch in alone:
        shares = [Ranks(rank, world_size, rank).own(batch) for rank in range(world_size)]
        assert all(shares)
        assert sorted(itertools.chain(*shares)) == sorted(batch)


def test_a_last_batch_of_less_than_half_goes_to_the_one_before():
    sizes = [sorted(map(len, EpochBatches(np.full(rows, 5), 8, 13, 1))) for rows in (16, 19, 20)]
    assert sizes == [[8, 8], [8, 11], [4, 8, 8]]


def test_a_batch_too_small_for_the_workers_is_refused():
    with pytest.raises(ValueError, match="found 14 rows for 8 workers, expected at least 15"):
        EpochBatches(LENGTHS, 14, 13, 8)
    with pytest.raises(ValueError, match="found 7 train rows for 8 workers"):
        EpochBatches(LENGTHS[:7], 15, 13, 8)
