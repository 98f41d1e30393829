import numpy as np
import pytest
from scipy.stats import norm

from moderation.metrics.significance import chances, pooled_freedom


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
