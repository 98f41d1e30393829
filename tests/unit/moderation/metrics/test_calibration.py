import numpy as np
import pytest

from moderation.metrics.calibration import CURVE_POINTS, calibration_error, precision_recall, reliability


def test_scores_that_come_true_have_no_calibration_error():
    truth = np.array([1] * 3 + [0] * 7 + [1] * 9 + [0])
    scores = np.array([0.3] * 10 + [0.9] * 10)
    assert calibration_error(truth, scores) == pytest.approx(0)
    assert calibration_error(truth, 1 - scores) > 0.4


def test_the_error_is_the_gap_weighted_by_rows():
    truth, scores = np.array([0, 0, 0, 1]), np.array([0.2, 0.2, 0.2, 0.7])
    assert calibration_error(truth, scores) == pytest.approx((3 * 0.2 + 1 * 0.3) / 4)


def test_a_bin_without_rows_is_left_out_and_a_score_of_one_has_a_bin():
    found = reliability(np.array([0, 1, 1, np.nan]), np.array([0.04, 0.02, 1.0, 0.5]))
    assert found == [[pytest.approx(0.03), 0.5, 2], [1.0, 1.0, 1]]
    assert calibration_error(np.array([np.nan]), np.array([0.5])) is None


def test_a_point_of_the_curve_is_what_its_threshold_gives():
    chance = np.random.default_rng(3)
    truth = (chance.random(2000) < 0.4).astype(np.float32)
    scores = np.clip(truth * 0.2 + chance.random(2000) * 0.8, 0, 1).astype(np.float32)
    curve = precision_recall(truth, scores)
    assert 50 < len(curve) <= CURVE_POINTS
    assert [point[0] for point in curve] == sorted(point[0] for point in curve)
    assert curve[-1][0] == 1
    for recall, precision, threshold in curve:
        flags = scores >= threshold
        assert recall == pytest.approx(truth[flags].sum() / truth.sum())
        assert precision == pytest.approx(truth[flags].mean())


def test_few_thresholds_are_all_on_the_curve_and_equal_scores_are_one():
    assert precision_recall(np.array([1, 0, 1, np.nan]), np.array([0.5, 0.5, 0.25, 0.9])) == [
        [0.5, 0.5, 0.5],
        [1.0, pytest.approx(2 / 3), 0.25],
    ]
    assert precision_recall(np.array([0, 0]), np.array([0.1, 0.2])) == []
