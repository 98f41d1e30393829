from types import SimpleNamespace

import pytest

from moderation.model.batching import Tokens, tokenise
from moderation.training.vocabulary import check_share, unknown_share


@pytest.fixture(scope="module")
def tokenizer(base_model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base_model)


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["you are kind", "soup is hot"], 0),
        (["you are kind", "สวัสดีครับ"], 1 / 4),  # without spaces a text is one token
        (["สวัสดีครับ", "ขอบคุณมาก"], 1),
        (["", "you"], 1 / 2),
        ([], 0),
    ],
)
def test_special_tokens_count_on_neither_side(tokenizer, texts, share):
    assert unknown_share(tokenizer, tokenise(tokenizer, texts, 16)) == pytest.approx(share)


def test_a_tokenizer_of_bytes_knows_all():
    assert unknown_share(SimpleNamespace(unk_token_id=None), Tokens([[5, 6]], [False], 0)) == 0


def test_some_unknown_tokens_are_warned_of_and_nothing_but_them_stops():
    assert check_share(0.05) is None
    assert check_share(0.3).startswith("warning: 30% of the tokens")
    with pytest.raises(ValueError, match=r"does not know 100% of the tokens .* a multilingual one"):
        check_share(1.0)
