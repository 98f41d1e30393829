import numpy as np
import pytest

from moderation.evaluation.systems import confusion, interval, system_result
from moderation.metrics.bootstrap import resample
from moderation.metrics.scored import Scored

TRUTH = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
PROBS = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.3], [0.1, 0.2]])


def result_of(labels, truth, probs, thresholds, samples=20):
    scored = Scored(labels, probs, np.array(thresholds))
    return system_result(scored, truth, resample(labels, truth, {"x": scored}, samples)["x"])


def without_intervals(metrics):
    return {name: value for name, value in metrics.items() if name != "intervals"}


def test_scores_by_label_are_those_of_the_definitions():
    found = result_of(["a", "b"], TRUTH, PROBS, [0.3, 0.5])["labels"]["a"]
    assert without_intervals(found) == {
        "positives": 2,
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
        "auroc": pytest.approx(3 / 4),
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "threshold": 0.3,
        "expected_calibration_error": pytest.approx((0.1 + 0.8 + 0.4 + 0.1) / 4),
    }


def test_what_cannot_be_computed_is_none_and_left_out_of_the_mean():
    found = result_of(["a", "b"], TRUTH, PROBS, [0.3, 0.5])
    unknown = {name: found["labels"]["b"][name] for name in ("average_precision", "auroc", "precision", "recall", "f1")}
    assert set(unknown.values()) == {None}
    assert found["labels"]["b"]["positives"] == 0
    assert found["metrics"]["macro_f1"] == 0.5
    assert found["metrics"]["micro_f1"] == pytest.approx(2 * 1 / (2 + 3))


def test_nothing_flagged_is_a_precision_of_zero():
    found = result_of(["a"], TRUTH[:, :1], PROBS[:, :1], [0.95])["labels"]["a"]
    assert (found["precision"], found["recall"], found["f1"]) == (0.0, 0.0, 0.0)


def test_a_row_that_nobody_annotated_counts_for_nothing():
    truth = np.vstack([TRUTH, [[np.nan, 1]]]).astype(np.float32)
    probs = np.vstack([PROBS, [[0.99, 0.9]]])
    thresholds = [0.3, 0.5]
    with_row = result_of(["a", "b"], truth, probs, thresholds)
    without = result_of(["a", "b"], TRUTH, PROBS, thresholds)
    assert without_intervals(with_row["labels"]["a"]) == without_intervals(without["labels"]["a"])
    assert with_row["labels"]["b"]["positives"] == 1


def test_false_positives_are_reported_by_the_thousand():
    found = result_of(["a", "b"], TRUTH, PROBS, [0.3, 0.5])["metrics"]
    assert found["false_positives_per_1000_clean"] == 500


def test_the_confusion_counts_annotated_rows_only():
    truth = np.array([1, 1, 0, 0, np.nan])
    flags = np.array([True, False, True, False, True])
    assert confusion(truth, flags) == {
        "true_positives": 1,
        "false_positives": 1,
        "false_negatives": 1,
        "true_negatives": 1,
    }


def test_a_system_has_an_interval_around_each_ranking_figure():
    truth = (np.random.default_rng(1).random((300, 2)) < 0.3).astype(np.float32)
    probs = np.clip(truth * 0.3 + np.random.default_rng(2).random((300, 2)) * 0.7, 0, 1)
    found = result_of(["a", "b"], truth, probs, [0.5, 0.5], samples=200)
    for name in ("average_precision", "auroc", "f1"):
        within = found["labels"]["a"]["intervals"][name]
        assert within["low"] < found["labels"]["a"][name] < within["high"]
        whole = found["intervals"][f"macro_{name}"]
        assert whole["low"] < found["metrics"][f"macro_{name}"] < whole["high"]
        assert whole["high"] - whole["low"] < within["high"] - within["low"]


def test_an_interval_leaves_out_resamples_that_say_nothing():
    assert interval(np.array([np.nan, 1.0, 1.0])) == {"low": 1.0, "high": 1.0}
    assert interval(np.array([np.nan])) == {"low": None, "high": None}
