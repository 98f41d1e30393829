import numpy as np
import pytest

from moderation.fitting.temperature import choose_temperature
from moderation.metrics.calibration import calibration_error


def overconfident(rows, factor, seed=3):
    """Truth drawn from the shares that logits stand for, and the logits made `factor` times as sure."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(-1, 1.5, (rows, 2))
    truth = (chance.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return truth, logits * factor


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_made_scores_too_sure_or_too_shy(factor):
    truth, logits = overconfident(4000, factor)
    found = choose_temperature(truth, logits)
    assert found == pytest.approx(factor, rel=0.1)
    before, after = (
        calibration_error(truth[:, 0], 1 / (1 + np.exp(-scored[:, 0]))) for scored in (logits, logits / found)
    )
    assert after < 0.02
    assert after <= before + 0.005


def test_few_rows_hardly_move_the_temperature_and_none_leave_it_at_one():
    truth, logits = overconfident(4, 4.0)
    assert 0.7 < choose_temperature(truth, logits) < 2.5
    assert choose_temperature(truth * np.nan, logits) == pytest.approx(1, abs=1e-3)


def test_what_nobody_annotated_says_nothing_about_the_temperature():
    truth, logits = overconfident(500, 2.0)
    masked = truth.copy()
    masked[:, 1] = np.nan
    assert choose_temperature(masked, logits) == pytest.approx(
        choose_temperature(truth[:, :1], logits[:, :1]), rel=1e-3
    )
