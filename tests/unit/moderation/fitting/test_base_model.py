import pytest
import torch

from moderation.fitting.base_model import check_max_length, from_base_model
from moderation.model.classifier import Head, load_tokenizer

HEAD = Head(dropout=0.1, max_length=16)


def built(base_model):
    return from_base_model(base_model, ["a", "b"], HEAD, 0.0, None)


def test_encoder_dropout_is_replaced_or_kept(base_model):
    def shares(model):
        return {module.p for module in model.encoder.modules() if isinstance(module, torch.nn.Dropout)}

    assert shares(built(base_model)) == {0.0}
    assert shares(from_base_model(base_model, ["a"], HEAD, None, None)) == {0.1}


def test_a_directory_without_a_base_model_is_a_reason(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"found pytorch_model\.bin, expected a base model with config\.json"):
        from_base_model(tmp_path, ["a"], HEAD, 0.0, None)


def test_texts_longer_than_the_encoder_reads_are_refused(base_model):
    model, tokenizer = built(base_model), load_tokenizer(base_model)
    check_max_length(model, tokenizer, 64)
    with pytest.raises(ValueError, match="--max-length: found 65, expected at most 64"):
        check_max_length(model, tokenizer, 65)
