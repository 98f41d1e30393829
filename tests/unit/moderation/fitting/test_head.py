import numpy as np
import pytest

from moderation.fitting.head import fit_head, label_prior, probe_rows


def test_the_prior_is_the_logit_of_the_smoothed_prevalence():
    truth = np.array([[1, 0], [1, 0], [np.nan, 0], [0, 0]], dtype=np.float32)
    shares = 1 / (1 + np.exp(-label_prior(truth)))
    assert shares == pytest.approx([2.5 / 4, 0.5 / 5])


def test_the_head_answers_raw_features_as_the_probe_answers_standardised_ones():
    from sklearn.linear_model import LogisticRegression

    chance = np.random.default_rng(1)
    features = chance.normal(5, [1.0, 10.0, 0.1, 2.0], (300, 4))
    truth = (features[:, 1:2] + features[:, :1] > 10).astype(np.float32)
    weights, biases = fit_head(features, truth)
    standard = (features - features.mean(0)) / features.std(0)
    probe = LogisticRegression(C=0.01, max_iter=200).fit(standard, truth[:, 0])
    assert (features @ weights.T + biases)[:, 0] == pytest.approx(probe.decision_function(standard), abs=1e-6)


def test_a_constant_feature_stays_finite_and_small():
    chance = np.random.default_rng(1)
    features = np.column_stack([chance.normal(0, 1, (100, 3)), np.full(100, 7.0)])
    weights, biases = fit_head(features, (features[:, :1] > 0).astype(np.float32))
    assert np.isfinite(weights).all()
    assert np.isfinite(biases).all()
    assert abs(weights[0, 3]) < 1e-6


def test_a_label_without_both_answers_starts_at_its_prior():
    features = np.random.default_rng(1).normal(0, 1, (50, 3))
    truth = np.zeros((50, 1), dtype=np.float32)
    weights, biases = fit_head(features, truth)
    assert not weights.any()
    assert biases == pytest.approx(label_prior(truth))


def test_the_probe_rows_are_a_seeded_choice_or_all():
    rows = probe_rows(100, 30, seed=13)
    assert rows == probe_rows(100, 30, seed=13)
    assert len(set(rows)) == 30
    assert probe_rows(10, 30, seed=13) == list(range(10))


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-6])
def test_features_that_are_all_equal_give_bounded_weights(noise):
    chance = np.random.default_rng(0)
    features = np.ones((200, 16)) + noise * chance.normal(size=(200, 16))
    truth = (chance.random((200, 2)) < 0.3).astype(np.float32)
    weights, biases = fit_head(features, truth)
    assert np.abs(weights).max() < 1
    # another text moves no score beyond what its features say
    assert np.abs((features[0] + 0.5) @ weights.T + biases - label_prior(truth)).max() < 10
