"""From texts to batches: token ids without padding, rows of similar length together, padding to the longest of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


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
