import json

import numpy as np
import pytest
import safetensors.torch
import torch

from moderation.fitting.base_model import from_base_model
from moderation.model import classifier as models
from moderation.model.batching import tokenise
from moderation.model.classifier import make_classifier
from moderation.model.scoring import logits, sigmoid

HEAD = models.Head(dropout=0.1, max_length=16)
TEXTS = ["you are a fool", "nice hot soup and the day", "run"]


def built(base_model, **options):
    return from_base_model(base_model, ["a", "b"], HEAD, options.get("dropout", 0.0), None)


def scored(model, tokenizer, texts=TEXTS):
    return sigmoid(logits(model, tokenise(tokenizer, texts, 16), list(range(len(texts))), torch.float32))


def test_pooling_is_the_mean_of_the_unmasked_tokens(base_model):
    model = built(base_model).eval()
    ids = torch.tensor([[2, 4, 5, 3]])
    alone = model.features(ids, torch.ones_like(ids))
    padded = model.features(torch.tensor([[2, 4, 5, 3, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]]))
    hidden = model.encoder(input_ids=ids).last_hidden_state
    assert torch.allclose(alone, hidden.mean(1), atol=1e-6)
    assert torch.allclose(alone, padded, atol=1e-5)


def test_pooling_can_take_the_first_token_instead(base_model, tmp_path):
    model = from_base_model(base_model, ["a"], models.Head(0.0, 16, pooling="cls"), 0.0, None).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        expected = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        assert torch.equal(model.features(ids, mask), expected)
    models.save(model, models.load_tokenizer(base_model), tmp_path)
    assert models.load(tmp_path)[0].head_settings.pooling == "cls"


def test_a_saved_model_answers_as_before_and_holds_no_pickle(base_model, tmp_path):
    model, tokenizer = built(base_model), models.load_tokenizer(base_model)
    model.set_head(np.random.default_rng(1).normal(size=(2, 32)), np.array([0.5, -0.5]))
    before = scored(model, tokenizer)
    models.save(model, tokenizer, tmp_path)
    loaded, loaded_tokenizer = models.load(tmp_path)
    assert scored(loaded, loaded_tokenizer) == pytest.approx(before, abs=1e-6)
    assert loaded.labels == ["a", "b"]
    assert loaded.head_settings == HEAD
    assert not loaded.training
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["id2label"] == {"0": "a", "1": "b"}
    assert config["problem_type"] == "multi_label_classification"
    assert str(base_model) not in json.dumps(config)


@pytest.mark.parametrize("kind", ["roberta", "deberta-v2", "modernbert", "distilbert"])
def test_other_encoders_of_the_hub_work(kind, tmp_path):
    from transformers import AutoConfig, AutoModel

    sizes = {"vocab_size": 40, "max_position_embeddings": 40, "pad_token_id": 0}
    if kind == "distilbert":
        sizes |= {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
    else:
        sizes |= {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    if kind == "modernbert":
        sizes |= {"bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    config = AutoConfig.for_model(kind, **sizes)
    base, saved = tmp_path / "base", tmp_path / "saved"
    AutoModel.from_config(config).save_pretrained(base)
    model = from_base_model(base, ["a"], HEAD, 0.0, None)
    ids, mask = torch.tensor([[1, 5, 6, 2], [1, 7, 2, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    model.train()
    model.set_head(np.ones((1, 16)) / 16, np.zeros(1))
    model(ids, mask).sum().backward()
    unused = [
        name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    assert unused == []  # DDP would wait for them
    saved.mkdir()
    models.save(model, Tokenizerless(), saved)
    state = safetensors.torch.load_file(saved / "model.safetensors")
    assert "head.weight" in state
    again = make_classifier(AutoModel.from_config(AutoConfig.from_pretrained(saved)).float(), ["a"], HEAD)
    again.load_state_dict(state)
    with torch.inference_mode():
        assert torch.allclose(again.eval()(ids, mask), model.eval()(ids, mask), atol=1e-5)


class Tokenizerless:
    def save_pretrained(self, directory):
        pass


def test_a_base_model_is_not_taken_for_a_trained_one(base_model, tmp_path):
    with pytest.raises(ValueError, match="found no entry `moderation`"):
        models.load(base_model)
    with pytest.raises(ValueError, match=r"found no config\.json"):
        models.load(tmp_path)
