import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from moderation.metrics import compare, scores, weighted_average_precision

TRUTH = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
PROBS = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.3], [0.1, 0.2]])


def test_scores_by_label_are_those_of_the_definitions():
    found = scores(["a", "b"], TRUTH, PROBS, np.array([0.3, 0.5]))["labels"]["a"]
    assert found == {
        "positives": 2,
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
        "auroc": pytest.approx(3 / 4),
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "threshold": 0.3,
    }


def test_what_cannot_be_computed_is_none_and_left_out_of_the_mean():
    found = scores(["a", "b"], TRUTH, PROBS, np.array([0.3, 0.5]))
    assert found["labels"]["b"] == {
        "positives": 0,
        "average_precision": None,
        "auroc": None,
        "precision": None,
        "recall": None,
        "f1": None,
        "threshold": 0.5,
    }
    assert found["metrics"]["macro_f1"] == 0.5
    assert found["metrics"]["micro_f1"] == pytest.approx(2 * 1 / (2 + 3))


def test_nothing_flagged_is_a_precision_of_zero():
    found = scores(["a"], TRUTH[:, :1], PROBS[:, :1], np.array([0.95]))["labels"]["a"]
    assert (found["precision"], found["recall"], found["f1"]) == (0.0, 0.0, 0.0)


def test_a_row_that_nobody_annotated_counts_for_nothing():
    truth = np.vstack([TRUTH, [[np.nan, 1]]]).astype(np.float32)
    probs = np.vstack([PROBS, [[0.99, 0.9]]])
    thresholds = np.array([0.3, 0.5])
    with_row = scores(["a", "b"], truth, probs, thresholds)
    without = scores(["a", "b"], TRUTH, PROBS, thresholds)
    assert with_row["labels"]["a"] == without["labels"]["a"]
    assert with_row["labels"]["b"]["positives"] == 1


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25))
def test_weighted_average_precision_agrees_with_scikit_learn_on_repeated_rows(rows):
    truth = np.array([answer for answer, _, _ in rows], dtype=np.float32)
    probs = np.array([level / 4 for _, level, _ in rows])
    weights = np.array([[weight for _, _, weight in rows]], dtype=np.float32)
    (found,) = weighted_average_precision(truth, probs, weights)
    repeats = weights[0].astype(int)
    if np.repeat(truth, repeats).sum():
        assert found == pytest.approx(average_precision_score(np.repeat(truth, repeats), np.repeat(probs, repeats)))
    else:
        assert np.isnan(found)


def noisy(truth, noise, seed):
    return 1 / (1 + np.exp(-(truth * 2 - 1 + np.random.default_rng(seed).normal(0, noise, truth.shape))))


def test_a_better_candidate_is_better_beyond_doubt_and_swapped_it_is_worse():
    truth = (np.random.default_rng(1).random((600, 2)) < 0.3).astype(np.float32)
    good, poor = noisy(truth, 0.7, 2), noisy(truth, 3.0, 3)
    better = compare(["a", "b"], truth, good, poor, samples=200)
    worse = compare(["a", "b"], truth, poor, good, samples=200)
    assert better["macro_average_precision"]["low"] > 0
    assert worse["macro_average_precision"]["high"] < 0
    assert better["labels"]["a"]["difference"] == pytest.approx(-worse["labels"]["a"]["difference"])
    assert better["labels"]["a"]["difference"] == pytest.approx(
        average_precision_score(truth[:, 0], good[:, 0]) - average_precision_score(truth[:, 0], poor[:, 0])
    )


def test_equally_good_systems_cannot_be_told_apart():
    truth = (np.random.default_rng(1).random((600, 1)) < 0.3).astype(np.float32)
    found = compare(["a"], truth, noisy(truth, 1.0, 2), noisy(truth, 1.0, 3), samples=200)["labels"]["a"]
    assert found["low"] < 0 < found["high"]


def test_a_label_without_positives_has_no_comparison():
    found = compare(["a", "b"], TRUTH, PROBS, PROBS, samples=20)
    assert found["labels"]["b"] == {"difference": None, "low": None, "high": None}
    assert found["macro_average_precision"]["difference"] == 0
