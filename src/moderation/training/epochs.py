"""The batches of an epoch: shuffled, of similar length, the same in every rank."""

from collections.abc import Iterator

import numpy as np

MEGA_BATCH = 20  # batches among which rows are sorted by length: enough to save padding, few enough to stay shuffled


def shuffled_batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Shuffled batches of rows of similar length; the same seed and epoch give the same batches.

    Every row appears once an epoch; a last batch of less than half the size is put to the one before.
    """
    chance = np.random.default_rng([seed, epoch])
    order = chance.permutation(len(lengths))
    window = MEGA_BATCH * batch_size
    batches = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(-lengths[rows], kind="stable")]
        batches += [rows[place : place + batch_size].tolist() for place in range(0, len(rows), batch_size)]
    if len(batches) > 1 and len(batches[-1]) < half(batch_size):
        rest = batches.pop()
        batches[-1] += rest
    chance.shuffle(batches)
    return batches


def half(batch_size: int) -> int:
    """The fewest rows that are a batch of their own; so many workers may share one."""
    return -(-batch_size // 2)


class EpochBatches:
    """Batch sampler of the global batches: every worker goes through the same and takes its share of each."""

    def __init__(self, lengths: np.ndarray, batch_size: int, seed: int, world_size: int) -> None:
        if half(batch_size) < world_size:
            raise ValueError(
                f"--batch-size: found {batch_size} rows for {world_size} workers, expected at least "
                f"{2 * world_size - 1}: the last batch of an epoch may be half full, and each worker needs a row"
            )
        if len(lengths) < world_size:
            raise ValueError(
                f"found {len(lengths)} train rows for {world_size} workers, expected at least one row a worker"
            )
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches the next iteration gives."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        return iter(shuffled_batches(self._lengths, self._batch_size, self._seed, self._epoch))

    def __len__(self) -> int:
        whole, rest = divmod(len(self._lengths), self._batch_size)
        return max(1, whole + (rest >= half(self._batch_size)))
