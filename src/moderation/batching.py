"""From texts to batches: token ids without padding, rows of similar length together, padding to the longest of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MEGA_BATCH = 20  # batches among which rows are sorted by length: enough to save padding, few enough to stay shuffled


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts."""

    ids: list[list[int]]
    """Token ids of each text, cut to the maximum length, special tokens included."""
    truncated: list[bool]
    """Whether a text was longer than that."""
    pad_id: int
    """Id that fills the shorter texts of a batch."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text (rows)."""
        return np.array([len(ids) for ids in self.ids], dtype=np.int64)


def tokenise(tokenizer: Any, texts: list[str], max_length: int) -> Tokens:
    """Token ids of texts, cut to `max_length` tokens."""
    options = {"return_attention_mask": False, "return_token_type_ids": False}
    ids = tokenizer(texts, truncation=False, verbose=False, **options)["input_ids"] if texts else []
    truncated = [len(item) > max_length for item in ids]
    long_texts = [text for text, is_long in zip(texts, truncated, strict=True) if is_long]
    if long_texts:
        cut = iter(tokenizer(long_texts, truncation=True, max_length=max_length, **options)["input_ids"])
        ids = [next(cut) if is_long else item for item, is_long in zip(ids, truncated, strict=True)]
    return Tokens(list(ids), truncated, tokenizer.pad_token_id or 0)


def pad(tokens: Tokens, rows: list[int]) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask` (rows, longest of the rows) int64."""
    longest = max(1, *(len(tokens.ids[row]) for row in rows))  # a text of unknown characters may have no token
    ids = torch.full((len(rows), longest), tokens.pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        length = len(tokens.ids[row])
        ids[place, :length] = torch.tensor(tokens.ids[row], dtype=torch.long)
        mask[place, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def sorted_batches(lengths: np.ndarray, batch_size: int) -> list[list[int]]:
    """Every row once, longest first, so that memory peaks at once and padding is small."""
    order = np.argsort(-lengths, kind="stable").tolist()
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


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
