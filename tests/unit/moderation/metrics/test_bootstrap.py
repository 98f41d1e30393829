import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from moderation.metrics import bootstrap
from moderation.metrics.bootstrap import chances, compare, interval, pooled_freedom, rank, ranked_figures, resample
from moderation.metrics.scores import scores

UNCHANGED = {"difference": 0, "low": 0, "high": 0, "p_worse": 1, "p_better": 1}


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
    assert better["macro_average_precision"]["p_better"] == worse["macro_average_precision"]["p_worse"] < 0.01
    assert better["macro_average_precision"]["p_worse"] == 1
    assert worse["macro_average_precision"]["high"] < 0
    assert better["labels"]["a"]["difference"] == pytest.approx(-worse["labels"]["a"]["difference"])
    assert better["labels"]["a"]["difference"] == pytest.approx(
        average_precision_score(truth[:, 0], good[:, 0]) - average_precision_score(truth[:, 0], poor[:, 0])
    )


def test_equally_good_systems_cannot_be_told_apart():
    truth = drawn(600, 1)
    found = compared(["a"], truth, noisy(truth, 1.0, 2), noisy(truth, 1.0, 3))["labels"]["a"]
    assert found["low"] < 0 < found["high"]
    assert min(found["p_worse"], found["p_better"]) > 0.05


MANY = [f"label {number}" for number in range(28)]


def many_labels(seed, worse=None):
    """Two equally good models on 400 rows compared for 28 labels of 6 to 100 positives, one of them spoilt if asked."""
    chance = np.random.default_rng(seed)
    truth = np.zeros((400, 28), dtype=np.float32)
    for index, positives in enumerate(np.geomspace(6, 100, 28).astype(int)):
        truth[chance.permutation(400)[:positives], index] = 1
    ours, theirs = (2.5 * truth + chance.normal(0, 1, truth.shape) for _ in range(2))
    if worse is not None:
        ours[:, worse] = chance.normal(0, 1, 400)
    return compared(MANY, truth, *(1 / (1 + np.exp(-logits)) for logits in (ours, theirs)), samples=100)


def test_of_28_labels_one_of_an_equal_model_is_called_worse_about_one_time_in_twenty():
    runs = [many_labels(seed) for seed in range(40)]
    figures = [[found["macro_average_precision"], *found["labels"].values()] for found in runs]
    assert sum(any(item["high"] < 0 for item in found) for found in figures) > 15  # what each interval alone would do
    assert sum(any(item["p_worse"] < 0.05 for item in found) for found in figures) <= 3
    assert sum(any(item["p_better"] < 0.05 for item in found) for found in figures) <= 3


def test_of_28_labels_the_one_that_is_much_worse_is_found():
    for seed in range(5):
        found = many_labels(seed, worse=20)["labels"]
        assert [label for label, item in found.items() if item["p_worse"] < 0.05] == ["label 20"]


def test_the_more_labels_are_compared_the_more_it_takes_to_call_one_worse():
    few, many = (
        chances(np.append(np.zeros(count), -3.0), np.ones(count + 1), np.full(count + 1, 1e6)) for count in (0, 27)
    )
    assert few[-1] == pytest.approx(norm.cdf(-3), rel=1e-3)
    assert many[-1] == pytest.approx(28 * norm.cdf(-3), rel=1e-3)
    # the next worst is one of fewer
    both = chances(np.array([-4.0, -3.0, 0.0]), np.ones(3), np.full(3, 1e6))
    assert both == pytest.approx([3 * norm.cdf(-4), 2 * norm.cdf(-3), 0.5], rel=1e-3)


def test_few_positive_rows_take_a_greater_loss_to_be_evidence_and_one_is_none():
    found = [
        chances(np.array([-0.3]), np.array([0.1]), np.array([positives - 1.0]))[0] for positives in (1, 3, 10, 1000)
    ]
    assert found[0] == 1
    assert found[1] > 0.05 > found[2] > found[3]


def test_a_figure_that_is_unknown_changes_nothing_about_the_others():
    alone = chances(np.array([-2.0, 0.5]), np.ones(2), np.full(2, 9.0))
    found = chances(np.array([-2.0, np.nan, 0.5]), np.array([1.0, 0.0, 1.0]), np.array([9.0, -1.0, 9.0]))
    assert found[[0, 2]] == pytest.approx(alone)
    assert np.isnan(found[1])


def test_the_mean_is_as_free_as_the_labels_that_it_depends_on():
    assert pooled_freedom(np.array([0.1]), np.array([7.0])) == pytest.approx(7)
    assert pooled_freedom(np.array([0.1, 0.1]), np.array([7.0, 7.0])) == pytest.approx(14)
    assert pooled_freedom(np.array([0.1, 0.001]), np.array([7.0, 500.0])) == pytest.approx(7, rel=0.01)
    assert pooled_freedom(np.array([0.0, 0.1]), np.array([7.0, 0.0])) == 0


def test_a_system_compared_with_itself_differs_in_no_resample():
    truth = drawn(200, 1)
    probs = noisy(truth, 1.0, 2)
    assert compared(["a"], truth, probs, probs)["macro_average_precision"] == UNCHANGED


def test_a_label_without_positives_has_no_comparison():
    truth = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.3], [0.1, 0.2]])
    found = compared(["a", "b"], truth, probs, probs, samples=20)
    assert found["labels"]["b"] == dict.fromkeys(UNCHANGED)
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
