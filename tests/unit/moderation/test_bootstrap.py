import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from moderation import bootstrap
from moderation.bootstrap import compare, interval, rank, ranked_figures, resample
from moderation.metrics import scores


def noisy(truth, noise, seed):
    return 1 / (1 + np.exp(-(truth * 2 - 1 + np.random.default_rng(seed).normal(0, noise, truth.shape))))


def drawn(rows, labels, seed=1):
    return (np.random.default_rng(seed).random((rows, labels)) < 0.3).astype(np.float32)


def compared(labels, truth, ours, theirs, samples=200):
    halves = np.full(len(labels), 0.5)
    found = resample(labels, truth, {"a": (labels, ours, halves), "b": (labels, theirs, halves)}, samples)
    systems = {name: scores(labels, truth, probs, halves) for name, probs in (("a", ours), ("b", theirs))}
    return compare(systems["a"], systems["b"], found["a"], found["b"])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25))
def test_weighted_figures_agree_with_scikit_learn_on_repeated_rows(rows):
    truth = np.array([answer for answer, _, _ in rows], dtype=np.float32)
    probs = np.array([level / 4 for _, level, _ in rows])
    weights = np.array([[weight] for _, _, weight in rows], dtype=np.float32)
    ranking = rank(truth, probs)
    if ranking is None:
        assert not truth.any()
        return
    (precision,), (area,) = ranked_figures(ranking, weights)
    repeats = weights[:, 0].astype(int)
    answers, answered = np.repeat(truth, repeats), np.repeat(probs, repeats)
    if answers.any():
        assert precision == pytest.approx(average_precision_score(answers, answered))
    else:
        assert np.isnan(precision)
    if 0 < answers.sum() < len(answers):
        assert area == pytest.approx(roc_auc_score(answers, answered))
    else:
        assert np.isnan(area)


def test_each_resample_has_the_figures_of_the_rows_that_were_drawn(monkeypatch):
    truth, probs = drawn(40, 2), drawn(40, 2, seed=2) * 0.5 + 0.2
    truth[5, 1] = np.nan
    seen = []
    original = bootstrap._weights
    monkeypatch.setattr(bootstrap, "_weights", lambda *given: seen.append(original(*given)) or seen[-1])
    found = resample(["a", "b"], truth, {"x": (["a", "b"], probs, np.array([0.5, 0.5]))}, samples=3)["x"]
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
    systems = {"x": (["a", "b"], noisy(truth, 1.0, 3), np.array([0.5, 0.5]))}
    whole = resample(["a", "b"], truth, systems, samples=20)["x"]
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 60 * 7)
    pieces = resample(["a", "b"], truth, systems, samples=20)["x"]
    for name, values in whole.figures.items():
        np.testing.assert_array_equal(values, pieces.figures[name])


def test_a_better_candidate_is_better_beyond_doubt_and_swapped_it_is_worse():
    truth = drawn(600, 2)
    good, poor = noisy(truth, 0.7, 2), noisy(truth, 3.0, 3)
    better, worse = compared(["a", "b"], truth, good, poor), compared(["a", "b"], truth, poor, good)
    assert better["macro_average_precision"]["low"] > 0
    assert worse["macro_average_precision"]["high"] < 0
    assert better["labels"]["a"]["difference"] == pytest.approx(-worse["labels"]["a"]["difference"])
    assert better["labels"]["a"]["difference"] == pytest.approx(
        average_precision_score(truth[:, 0], good[:, 0]) - average_precision_score(truth[:, 0], poor[:, 0])
    )


def test_equally_good_systems_cannot_be_told_apart():
    truth = drawn(600, 1)
    found = compared(["a"], truth, noisy(truth, 1.0, 2), noisy(truth, 1.0, 3))["labels"]["a"]
    assert found["low"] < 0 < found["high"]


def test_a_system_compared_with_itself_differs_in_no_resample():
    truth = drawn(200, 1)
    probs = noisy(truth, 1.0, 2)
    assert compared(["a"], truth, probs, probs)["macro_average_precision"] == {"difference": 0, "low": 0, "high": 0}


def test_a_label_without_positives_has_no_comparison():
    truth = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.3], [0.1, 0.2]])
    found = compared(["a", "b"], truth, probs, probs, samples=20)
    assert found["labels"]["b"] == {"difference": None, "low": None, "high": None}
    assert found["macro_average_precision"]["difference"] == 0


def test_systems_with_other_labels_are_compared_on_the_shared_ones():
    truth = drawn(200, 2)
    probs = noisy(truth, 1.0, 2)
    found = resample(
        ["a", "b"],
        truth,
        {"ours": (["a", "b"], probs, np.array([0.5, 0.5])), "theirs": (["b"], probs[:, 1:], np.array([0.5]))},
        samples=20,
    )
    np.testing.assert_array_equal(found["ours"].of(["b"]).figures["auroc"], found["theirs"].figures["auroc"])


def test_an_interval_leaves_out_resamples_that_say_nothing():
    assert interval(np.array([np.nan, 1.0, 1.0])) == {"low": 1.0, "high": 1.0}
    assert interval(np.array([np.nan])) == {"low": None, "high": None}


def test_a_thousand_resamples_of_many_rows_take_no_longer_than_sorting_each_would():
    truth = drawn(4000, 1)
    probs = noisy(truth, 1.0, 2)
    started = time.perf_counter()
    resample(["a"], truth, {"x": (["a"], probs, np.array([0.5]))}, samples=100)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    chance = np.random.default_rng(1)
    for _ in range(10):
        rows = chance.integers(0, 4000, 4000)
        average_precision_score(truth[rows, 0], probs[rows, 0])
        roc_auc_score(truth[rows, 0], probs[rows, 0])
    assert ours / 100 < (time.perf_counter() - started) / 10
