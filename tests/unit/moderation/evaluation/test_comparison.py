import numpy as np
import pytest
from helpers.samples import drawn, noisy
from sklearn.metrics import average_precision_score

from moderation.evaluation.comparison import compare, flip_shares
from moderation.evaluation.systems import system_result
from moderation.metrics.bootstrap import resample
from moderation.metrics.scored import Scored

UNCHANGED = {"difference": 0, "low": 0, "high": 0, "p_worse": 1, "p_better": 1}


def compared(labels, truth, candidate, other, samples=200):
    halves = np.full(len(labels), 0.5)
    scored = {name: Scored(labels, probs, halves) for name, probs in (("candidate", candidate), ("other", other))}
    found = resample(labels, truth, scored, samples)
    systems = {name: system_result(item, truth, found[name]) for name, item in scored.items()}
    return compare(systems["candidate"], systems["other"], (found["candidate"], found["other"]), {})


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
    candidate, other = (2.5 * truth + chance.normal(0, 1, truth.shape) for _ in range(2))
    if worse is not None:
        candidate[:, worse] = chance.normal(0, 1, 400)
    return compared(MANY, truth, *(1 / (1 + np.exp(-logits)) for logits in (candidate, other)), samples=100)


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


def test_flips_are_the_share_of_rows_decided_otherwise():
    candidate = np.array([[1, 0], [1, 0], [0, 0], [1, 1]])
    other = np.array([[1, 0], [0, 0], [1, 0], [1, 1]])
    halves = np.array([0.5, 0.5])
    assert flip_shares(Scored(["a", "b"], candidate, halves), Scored(["a", "b"], other, halves)) == {"a": 0.5, "b": 0.0}
    assert flip_shares(Scored(["a", "b"], candidate, halves), Scored(["b"], other[:, 1:], halves[1:])) == {"b": 0.0}
