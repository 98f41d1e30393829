import time

import numpy as np
import pytest
from helpers.samples import drawn, noisy
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from moderation.metrics import bootstrap
from moderation.metrics.bootstrap import macro, percentiles, resample
from moderation.metrics.scored import Scored

HALVES = np.array([0.5, 0.5])


def test_each_resample_has_the_figures_of_the_rows_that_were_drawn(monkeypatch):
    truth, probs = drawn(40, 2), drawn(40, 2, seed=2) * 0.5 + 0.2
    truth[5, 1] = np.nan
    seen = []
    original = bootstrap.drawn_weights
    monkeypatch.setattr(bootstrap, "drawn_weights", lambda *given: seen.append(original(*given)) or seen[-1])
    found = resample(["a", "b"], truth, {"x": Scored(["a", "b"], probs, HALVES)}, samples=3)["x"]
    (weights,) = seen
    assert weights.sum(axis=0).tolist() == [40, 40, 40]
    for sample in range(3):
        rows = np.repeat(np.arange(40), weights[:, sample].astype(int))
        rows = rows[~np.isnan(truth[rows, 1])]
        answers, answered = truth[rows, 1], probs[rows, 1]
        assert found.figures["average_precision"][sample, 1] == pytest.approx(
            average_precision_score(answers, answered)
        )
        assert found.figures["auroc"][sample, 1] == pytest.approx(roc_auc_score(answers, answered))
        assert found.figures["f1"][sample, 1] == pytest.approx(f1_score(answers, answered >= 0.5))


def test_memory_decides_only_how_many_resamples_are_worked_on_at_once(monkeypatch):
    truth = drawn(60, 2)
    systems = {"x": Scored(["a", "b"], noisy(truth, 1.0, 3), HALVES)}
    whole = resample(["a", "b"], truth, systems, samples=20)["x"]
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 60 * 7)
    pieces = resample(["a", "b"], truth, systems, samples=20)["x"]
    for name, values in whole.figures.items():
        np.testing.assert_array_equal(values, pieces.figures[name])


def test_a_system_with_fewer_labels_is_resampled_like_the_others():
    truth = drawn(200, 2)
    probs = noisy(truth, 1.0, 2)
    found = resample(
        ["a", "b"],
        truth,
        {"one": Scored(["a", "b"], probs, HALVES), "other": Scored(["b"], probs[:, 1:], HALVES[1:])},
        samples=20,
    )
    np.testing.assert_array_equal(found["one"].of(["b"]).figures["auroc"], found["other"].figures["auroc"])


def test_percentiles_leave_out_resamples_that_say_nothing():
    assert percentiles(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert percentiles(np.array([np.nan])) == (None, None)


def test_the_mean_over_labels_leaves_out_what_is_not_known():
    found = macro(np.array([[0.2, 0.4], [0.2, np.nan], [np.nan, np.nan]]))
    assert found[:2].tolist() == pytest.approx([0.3, 0.2])
    assert np.isnan(found[2])


def test_a_thousand_resamples_of_many_rows_take_no_longer_than_sorting_each_would():
    truth = drawn(4000, 1)
    probs = noisy(truth, 1.0, 2)
    started = time.perf_counter()
    resample(["a"], truth, {"x": Scored(["a"], probs, HALVES[:1])}, samples=100)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    chance = np.random.default_rng(1)
    for _ in range(10):
        rows = chance.integers(0, 4000, 4000)
        average_precision_score(truth[rows, 0], probs[rows, 0])
        roc_auc_score(truth[rows, 0], probs[rows, 0])
    assert seconds / 100 < (time.perf_counter() - started) / 10
