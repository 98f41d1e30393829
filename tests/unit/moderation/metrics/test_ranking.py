import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation.metrics.ranking import rank, ranked_figures


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
