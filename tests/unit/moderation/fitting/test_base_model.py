"""The encoder that is trained is the encoder that was asked for."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from moderation.fitting.base_model import check_max_length, from_base_model, without_prefix
from moderation.model import classifier
from moderation.model.classifier import Head, load_tokenizer

HEAD = Head(0.0, 16)
DROPOUT_HEAD = Head(dropout=0.1, max_length=16)


def copied(base_model, directory, change):
    """The base model with other weights: what `change` makes of them."""
    shutil.copytree(base_model, directory)
    weights = change(load_file(directory / "model.safetensors"))
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def weights_of(directory):
    model = from_base_model(directory, ["a"], HEAD, None, None)
    return {name: value for name, value in model.encoder.state_dict().items() if "pooler" not in name}


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "encoder.", "module.encoder.", "bert.", "0.auto_model."]
)
def test_the_prefix_of_a_wrapper_is_understood(base_model, tmp_path, prefix):
    wrapped = copied(
        base_model, tmp_path / "wrapped", lambda weights: {prefix + name: v for name, v in weights.items()}
    )
    assert_same(weights_of(wrapped), weights_of(base_model))


def test_a_head_beside_the_wrapped_encoder_is_left_alone(base_model, tmp_path):
    def change(weights):
        return {f"module.{name}": value for name, value in weights.items()} | {"module.head.weight": torch.ones(2, 32)}

    assert_same(weights_of(copied(base_model, tmp_path / "wrapped", change)), weights_of(base_model))


def test_missing_weights_stop_with_their_names(base_model, tmp_path):
    def change(weights):
        return {name: value for name, value in weights.items() if "layer.1" not in name}

    with pytest.raises(ValueError, match=r"found no weights for 16 parts of a BertModel \(encoder\.layer\.1\."):
        from_base_model(copied(base_model, tmp_path / "cut", change), ["a"], HEAD, None, None)


def test_weights_under_other_names_are_not_replaced_by_random_numbers(base_model, tmp_path):
    def change(weights):
        return {name.replace("layer", "block"): value for name, value in weights.items()}

    with pytest.raises(ValueError, match="found no weights for 32 parts"):
        from_base_model(copied(base_model, tmp_path / "renamed", change), ["a"], HEAD, None, None)


def test_a_missing_pooler_is_no_reason(base_model, tmp_path):
    def change(weights):
        return {name: value for name, value in weights.items() if "pooler" not in name}

    assert_same(weights_of(copied(base_model, tmp_path / "bare", change)), weights_of(base_model))


def test_sharded_weights_are_read(base_model, tmp_path):
    shutil.copytree(base_model, tmp_path / "sharded")
    weights = load_file(tmp_path / "sharded" / "model.safetensors")
    (tmp_path / "sharded" / "model.safetensors").unlink()
    names = sorted(weights)
    places = {}
    for number, part in enumerate((names[:10], names[10:]), 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, tmp_path / "sharded" / file, metadata={"format": "pt"})
        places |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (tmp_path / "sharded" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_same(weights_of(tmp_path / "sharded"), weights_of(base_model))


def test_a_model_of_our_own_is_a_base_model(base_model, tmp_path):
    own = from_base_model(base_model, ["a", "b"], HEAD, None, None)
    with torch.no_grad():
        for value in own.encoder.parameters():
            value.add_(0.25)
    tokenizer = classifier.load_tokenizer(base_model)
    (tmp_path / "own").mkdir()
    classifier.save(own, tokenizer, tmp_path / "own")
    trained = {name: value for name, value in own.encoder.state_dict().items() if "pooler" not in name}
    assert_same(weights_of(tmp_path / "own"), trained)


def test_the_prefix_is_the_one_that_most_names_have():
    weights = {"a.x": torch.ones(1), "a.y.z": torch.ones(1), "b.x": torch.zeros(1)}
    assert set(without_prefix(weights, ["x", "y.z"])) == {"x", "y.z"}
    assert without_prefix({"q": torch.ones(1)}, ["x"]) == {}


def built(base_model):
    return from_base_model(base_model, ["a", "b"], DROPOUT_HEAD, 0.0, None)


def test_encoder_dropout_is_replaced_or_kept(base_model):
    def shares(model):
        return {module.p for module in model.encoder.modules() if isinstance(module, torch.nn.Dropout)}

    assert shares(built(base_model)) == {0.0}
    assert shares(from_base_model(base_model, ["a"], DROPOUT_HEAD, None, None)) == {0.1}


def test_a_directory_without_a_base_model_is_a_reason(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"found pytorch_model\.bin, expected a base model with config\.json"):
        from_base_model(tmp_path, ["a"], DROPOUT_HEAD, 0.0, None)


def test_texts_longer_than_the_encoder_reads_are_refused(base_model):
    model, tokenizer = built(base_model), load_tokenizer(base_model)
    check_max_length(model, tokenizer, 64)
    with pytest.raises(ValueError, match="--max-length: found 65, expected at most 64"):
        check_max_length(model, tokenizer, 65)
