import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation.metrics import scores as metrics
from moderation.metrics.scores import auroc, average_precision, confusion, false_positive_share, flips, scores

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
        "expected_calibration_error": pytest.approx((0.1 + 0.8 + 0.4 + 0.1) / 4),
    }


def test_what_cannot_be_computed_is_none_and_left_out_of_the_mean():
    found = scores(["a", "b"], TRUTH, PROBS, np.array([0.3, 0.5]))
    unknown = {name: found["labels"]["b"][name] for name in ("average_precision", "auroc", "precision", "recall", "f1")}
    assert set(unknown.values()) == {None}
    assert found["labels"]["b"]["positives"] == 0
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
@given(rows=st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=25))
def test_ranking_figures_agree_with_scikit_learn_on_ties(rows):
    truth = np.array([answer for answer, _ in rows], dtype=np.float32)
    probs = np.array([level / 4 for _, level in rows])
    if truth.any():
        assert average_precision(truth, probs) == pytest.approx(average_precision_score(truth, probs))
    else:
        assert average_precision(truth, probs) is None
    if 0 < truth.sum() < len(truth):
        assert auroc(truth, probs) == pytest.approx(roc_auc_score(truth, probs))
    else:
        assert auroc(truth, probs) is None


def test_false_positives_are_counted_on_rows_without_any_positive_and_on_annotated_labels_only():
    nan = np.nan
    truth = np.array([[0, 0], [0, nan], [1, 0], [nan, nan], [0, 0]])
    flags = np.array([[True, True], [False, True], [True, True], [True, True], [False, False]])
    assert false_positive_share(truth, flags) == pytest.approx(1 / 3)  # the first of rows 1, 2 and 5
    assert false_positive_share(truth, flags, least_rows=4) is None
    assert false_positive_share(np.ones((2, 1)), np.ones((2, 1), dtype=bool)) is None


def test_false_positives_are_reported_by_the_thousand():
    found = scores(["a", "b"], TRUTH, PROBS, np.array([0.3, 0.5]))["metrics"]
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


def test_flips_are_the_share_of_rows_decided_otherwise():
    ours = np.array([[1, 0], [1, 0], [0, 0], [1, 1]], dtype=bool)
    theirs = np.array([[1, 0], [0, 0], [1, 0], [1, 1]], dtype=bool)
    assert flips(["a", "b"], ours, theirs) == {"a": 0.5, "b": 0.0}


def test_a_system_has_an_interval_around_each_ranking_figure():
    from moderation.metrics.bootstrap import resample

    truth = (np.random.default_rng(1).random((300, 2)) < 0.3).astype(np.float32)
    probs = np.clip(truth * 0.3 + np.random.default_rng(2).random((300, 2)) * 0.7, 0, 1)
    thresholds = np.array([0.5, 0.5])
    samples = resample(["a", "b"], truth, {"x": (["a", "b"], probs, thresholds)}, samples=200)["x"]
    found = metrics.system(["a", "b"], truth, probs, thresholds, samples)
    for name in ("average_precision", "auroc", "f1"):
        within = found["labels"]["a"]["intervals"][name]
        assert within["low"] < found["labels"]["a"][name] < within["high"]
        whole = found["intervals"][f"macro_{name}"]
        assert whole["low"] < found["metrics"][f"macro_{name}"] < whole["high"]
        assert whole["high"] - whole["low"] < within["high"] - within["low"]
