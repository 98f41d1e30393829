"""A base model small enough to train in a second: a random BERT of two layers with the vocabulary of a few words."""

import json
import math
import os

import numpy as np
import pytest
from helpers.samples import LABELS, labelled, saved_model, sentences, write_split

from moderation.evaluation import latency

os.environ["HF_HUB_OFFLINE"] = "1"
# the models are too small to share out: threads that wait for each other cost more than they compute
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

WORDS = ["you", "are", "kind", "mean", "fool", "the", "soup", "is", "hot", "run", "away", "now", "nice", "day", "and"]


@pytest.fixture(scope="session", autouse=True)
def few_texts_are_timed():
    """Answer times are measured in every evaluation, and of no interest in most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "sample", lambda texts: texts[:4])
        yield


@pytest.fixture(scope="session")
def base_model(tmp_path_factory):
    """Directory with config.json, model.safetensors and tokenizer of the tiny encoder."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    directory = tmp_path_factory.mktemp("base-model")
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special).save_pretrained(directory)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A prepared dataset of 96 + 48 + 64 rows; a label is not annotated in every fifth train row, in one elsewhere."""
    directory = tmp_path_factory.mktemp("prepared") / "dataset"
    for seed, (split, count) in enumerate({"train": 96, "validation": 48, "test": 64}.items()):
        texts, truth = sentences(count, seed)
        truth[3 :: 5 if split == "train" else count, 1] = math.nan
        write_split(directory / split, texts, truth, LABELS)
    (directory / "labels.json").write_text(json.dumps({"labels": LABELS}))
    (directory / "manifest.json").write_text(json.dumps({"dataset_version": "0123456789abcdef", "labels": LABELS}))
    return directory


@pytest.fixture(scope="session")
def served_model(tmp_path_factory, base_model):
    """A saved model with the labels insult and threat."""
    return saved_model(tmp_path_factory.mktemp("served") / "model", base_model, LABELS, 0.5, [0.4, 0.6])


@pytest.fixture
def model_directory(tmp_path):
    """What tuning needs of a model: labels, policy, validation scores."""
    from moderation.fitting.thresholds import choose_policy
    from moderation.fitting.validation_scores import ValidationScores, write_scores
    from moderation.model.policy import write_policy

    truth, probs = labelled(150)
    truth, probs = np.hstack([truth, truth]), np.hstack([probs, probs[::-1] * 0.5 + probs * 0.5])
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "labels.json").write_text(json.dumps({"labels": ["a", "b"]}))
    prevalence = np.array([0.375, 0.375])
    write_policy(choose_policy(["a", "b"], truth, probs, prevalence), directory)
    write_scores(ValidationScores(truth, probs, prevalence), directory)
    return directory
