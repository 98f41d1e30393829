import numpy as np
import pytest

from moderation.evaluation.baselines import baseline_probabilities
from moderation.job.dataset import read_split


def test_it_learns_the_words_that_decide(dataset):
    train, test = (read_split(dataset / name, ["insult", "threat"]) for name in ("train", "test"))
    first, second = baseline_probabilities(train.texts, train.truth, [test.texts, ["you fool", "nice soup"]])
    assert first.shape == test.truth.shape
    for column in range(2):
        known = ~np.isnan(test.truth[:, column])
        positive = test.truth[known, column] == 1
        scores = first[known, column]
        assert scores[positive].min() > scores[~positive].max()
    assert second[0, 0] > second[1, 0]


def test_a_label_without_both_answers_is_scored_with_its_smoothed_prevalence():
    truth = np.array([[1, 0], [0, 0], [1, 0]], dtype=np.float32)
    (probs,) = baseline_probabilities(["good day", "bad day", "good night"], truth, [["good"]])
    assert probs[0, 1] == pytest.approx(0.5 / 4)
    assert 0 < probs[0, 0] < 1
