import numpy as np

from moderation.model.batching import Tokens, pad, sorted_batches, tokenise
from moderation.model.classifier import load_tokenizer

LENGTHS = np.random.default_rng(1).integers(3, 100, 333)


def test_texts_are_cut_and_said_to_be(base_model):
    tokens = tokenise(load_tokenizer(base_model), ["you are kind", "you " * 30], 8)
    assert tokens.ids[0] == [2, 4, 5, 6, 3]
    assert len(tokens.ids[1]) == 8
    assert tokens.ids[1][-1] == 3
    assert tokens.truncated == [False, True]
    assert tokens.lengths.tolist() == [5, 8]


def test_no_texts_give_no_tokens(base_model):
    assert tokenise(load_tokenizer(base_model), [], 8).ids == []


def test_padding_reaches_the_longest_row_of_the_batch_only():
    tokens = Tokens([[1, 2], [3], [4, 5, 6, 7]], [False] * 3, pad_id=9)
    batch = pad(tokens, [1, 0])
    assert batch["input_ids"].tolist() == [[3, 9], [1, 2]]
    assert batch["attention_mask"].tolist() == [[1, 0], [1, 1]]


def test_sorted_batches_hold_every_row_once_longest_first():
    batches = sorted_batches(LENGTHS, 32)
    assert sorted(row for batch in batches for row in batch) == list(range(333))
    assert LENGTHS[batches[0][0]] == LENGTHS.max()
