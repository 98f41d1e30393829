import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "quality.py"


@pytest.fixture(scope="module")
def quality():
    specification = importlib.util.spec_from_file_location("quality", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def some_truth(rows):
    chance = np.random.default_rng(1)
    return (chance.random((rows, 2)) < [0.3, 0.05]).astype(np.float32)


def test_every_row_is_tested_once_and_never_seen_before_by_its_fold(quality):
    truth = some_truth(203)
    folds = quality.folds_of(truth, 5, seed=13)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(203))
    for fold in folds:
        together = np.concatenate([fold.train, fold.validation, fold.test])
        assert sorted(together.tolist()) == list(range(203))
        assert 14 <= len(fold.validation) <= 18


def test_rare_labels_are_dealt_evenly_to_the_folds(quality):
    truth = some_truth(400)
    found = [truth[fold.test].sum(0) for fold in quality.folds_of(truth, 5, seed=13)]
    assert np.ptp(found, axis=0).max() <= 2


def test_the_summary_says_by_how_much_ours_wins_and_how_sure_that_is(quality):
    truth = some_truth(300)
    chance = np.random.default_rng(2)
    noise = {system: 0.3 if system == quality.OURS else 2.0 for system in quality.SYSTEMS}
    probs = {
        system: quality.sigmoid(truth * 3 + chance.normal(0, spread, (2, *truth.shape)))
        for system, spread in noise.items()
    }
    for values in probs.values():
        values[1, :100] = np.nan  # the second cross-validation is under way: it does not count yet
    found = quality.summary(quality.Scores("set", ["a", "b"], truth, probs, [1.0]), {})
    assert found["repeats"] == 1
    for against in found["default_minus"].values():
        assert 0 < against["low"] < against["difference"] < against["high"]
    from sklearn.metrics import average_precision_score

    for index, label in enumerate(("a", "b")):
        expected = average_precision_score(truth[:, index], probs[quality.OURS][0][:, index])
        assert found["average_precision"][quality.OURS][label] == pytest.approx(expected)
    assert "TF-IDF + LR" in quality.table(found)
