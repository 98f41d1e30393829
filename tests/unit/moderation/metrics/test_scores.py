import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation.metrics.scores import (
    Decisions,
    auroc,
    average_precision,
    decisions,
    false_positive_share,
    macro_auroc,
    macro_average_precision,
    mean,
)


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


def test_decisions_are_precise_and_complete_or_not():
    truth = np.array([1.0, 1.0, 0.0, 0.0])
    assert decisions(truth, np.array([True, False, True, False])) == Decisions(0.5, 0.5, 0.5)
    assert decisions(truth, np.zeros(4, dtype=bool)) == Decisions(0.0, 0.0, 0.0)
    assert decisions(truth * 0, np.ones(4, dtype=bool)) == Decisions(None, None, None)


def test_a_mean_over_labels_leaves_out_those_without_a_positive():
    truth = np.array([[1, 0, np.nan], [0, 0, 1], [1, 0, 0]])
    probs = np.array([[0.9, 0.1, 0.9], [0.5, 0.2, 0.2], [0.1, 0.3, 0.1]])
    assert macro_average_precision(truth, probs) == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    assert macro_auroc(truth, probs) == pytest.approx((0.5 + 1) / 2)
    assert macro_average_precision(truth * 0, probs) is None
    assert mean([None]) is None
