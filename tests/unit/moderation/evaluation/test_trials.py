from dataclasses import replace

import numpy as np
import pytest

from moderation.evaluation import evasion
from moderation.evaluation.data import read_data
from moderation.evaluation.models import Model
from moderation.evaluation.trials import recall_by_evasion, run_trials
from moderation.metrics.scored import Scored


@pytest.fixture(scope="module")
def data(dataset):
    return read_data(dataset, [])


def finds_words(texts):
    """Probabilities of a model that looks for two words as they are written."""
    return np.array([["fool" in text.split(), "run" in text.split()] for text in texts], dtype=float).reshape(-1, 2)


@pytest.fixture
def model():
    return Model(["insult", "threat"], 16, "p-1", np.array([0.5, 0.5]), finds_words)


def scored(model, data):
    return Scored(model.labels, model.score(data.test.texts), model.thresholds)


def test_a_model_that_reads_words_loses_them_to_every_evasion(model, data):
    kept = {kind: found["kept"] for kind, found in recall_by_evasion(model, data, scored(model, data)).items()}
    assert list(kept) == list(evasion.EVASIONS)
    assert max(kept.values()) < 0.5
    assert kept["spacing"] == 0


def test_without_a_positive_row_there_is_nothing_to_evade(model, data):
    clean = replace(data, test=replace(data.test, truth=np.zeros_like(data.test.truth)))
    found = recall_by_evasion(model, clean, scored(model, clean))
    assert {kind["rows"] for kind in found.values()} == {0}
    assert {kind["kept"] for kind in found.values()} == {None}


def test_all_models_go_through_the_same_trials(model, data):
    answers = scored(model, data)
    trials = run_trials({"candidate": model, "champion": model}, data, {"candidate": answers, "champion": answers})
    assert trials.behaviour["candidate"] == trials.behaviour["champion"]
    assert trials.evasion["candidate"] == trials.evasion["champion"]
    assert set(trials.latency) == {"candidate", "champion"}
