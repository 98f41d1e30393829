from pathlib import Path

import numpy as np
import pytest
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.job.dataset import read_split
from moderation.model.batching import tokenise
from moderation.training.ranks import Ranks
from moderation.training.run import LabelledTokens, Run
from moderation.training.start import build_model
from moderation.training.trainer import ModerationTrainer, training_arguments

LABELS = ["insult", "threat"]


def run_in(directory, **settings):
    settings = Hyperparameters(max_length=16, batch_size=8, **settings)
    return Run(settings, Ranks(0, 1, 0), torch.device("cpu"), torch.float32, directory, lambda: False)


@pytest.fixture
def trainer(dataset, base_model, tmp_path):
    run = run_in(tmp_path)
    model, tokenizer = build_model(run, base_model, LABELS)
    rows = []
    for name in ("train", "validation"):
        split = read_split(dataset / name, LABELS)
        rows.append(LabelledTokens(tokenise(tokenizer, split.texts, 16), split.truth))
    return ModerationTrainer(model, run, *rows)


def test_a_batch_counts_the_annotated_labels_of_all_ranks(trainer):
    batch = trainer.collate([0, 3, 8])  # of rows 3 and 8 one label is not annotated
    assert batch["truth"].shape == (3, 2)
    assert batch["annotated"] == 4


def test_the_head_has_its_own_learning_rate_and_matrices_alone_decay(trainer):
    groups = [(group["lr"], group["weight_decay"]) for group in trainer.create_optimizer().param_groups]
    settings = trainer.run.settings
    assert groups == [
        (settings.head_learning_rate, settings.weight_decay),
        (settings.head_learning_rate, 0.0),
        (settings.learning_rate, settings.weight_decay),
        (settings.learning_rate, 0.0),
    ]


def test_an_evaluation_has_its_scores_and_decides_which_model_is_kept(trainer):
    trainer.evaluate()
    kept = trainer.keep_best()
    assert kept.step == 0
    assert kept.validation_logits.shape == (48, 2)
    assert set(kept.validation_metrics) == {"eval_loss", "eval_macro_average_precision", "eval_macro_auroc"}
    # a head of zeros says one half to everything
    assert kept.validation_metrics["eval_loss"] == pytest.approx(np.log(2))


def test_another_recipe_is_another_run(trainer):
    before = trainer.run_identity
    assert '"batch_size": 8' in before
    assert trainer.latest_checkpoint() is None


def test_the_learning_rate_rises_for_its_share_of_the_steps():
    arguments = training_arguments(run_in(Path("unused"), warmup_share=0.25), 40)
    assert arguments.warmup_steps == 10
    assert arguments.max_grad_norm == 1.0
