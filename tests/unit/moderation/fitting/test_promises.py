"""A policy keeps what it promises on the rows that it was chosen on, exactly and for any scores."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.model.policy import SCORE_DIGITS
from contract.policy.targets import Targets
from moderation.fitting.thresholds import choose_policy
from moderation.model.policy import read_policy, write_policy

SCALES = (1e-6, 1e-4, 1e-3, 1.0)


def decided(policy, probs):
    """What an endpoint answers: it decides on the scores as it shows them."""
    return policy.decisions(np.round(probs.astype(np.float64), SCORE_DIGITS))[:, 0]


def recall_and_precision(truth, decisions):
    positives, blocked = truth == 1, decisions == 2
    recall = (decisions[positives] >= 1).mean() if positives.any() else None
    return recall, truth[blocked].mean() if blocked.any() else None


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(5, 400),
    prevalence=st.sampled_from([0.001, 0.01, 0.1, 0.3, 0.6]),
    scale=st.sampled_from(SCALES),
    near_one=st.booleans(),
    strength=st.floats(0, 6),
    recall=st.sampled_from([0.5, 0.8, 0.95, 0.999, 1.0]),
    precision=st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]),
    digits=st.sampled_from([1, 3, 8]),
)
def test_what_is_promised_is_kept(seed, rows, prevalence, scale, near_one, strength, recall, precision, digits):
    chance = np.random.default_rng(seed)
    truth = (chance.random((rows, 1)) < prevalence).astype(np.float32)
    assume(truth.sum())
    probs = 1 / (1 + np.exp(-(strength * truth - 2 + chance.normal(0, 2, truth.shape)))) * scale
    probs = np.round(1 - probs if near_one else probs, digits).astype(np.float32)
    targets = Targets(review_recall=recall, block_precision=precision)
    policy = choose_policy(["a"], truth, probs, np.array([prevalence]), targets)
    found, right = recall_and_precision(truth[:, 0], decided(policy, probs))
    assert found >= recall
    assert right is None or right >= np.float32(precision) - 1e-7
    assert policy.review[0] <= policy.block[0]


@pytest.mark.parametrize("shift", [0.0, 4e-5, 4.9e-5])
def test_a_review_threshold_is_never_rounded_above_a_positive(shift):
    probs = np.array([[0.12345 + shift], [0.5], [0.9]] * 10)
    truth = np.ones((30, 1), dtype=np.float32)
    truth[1::3] = 0
    policy = choose_policy(["a"], truth, probs, np.array([0.5]), Targets(review_recall=1.0))
    assert recall_and_precision(truth[:, 0], decided(policy, probs))[0] == 1


def test_scores_crowded_below_one_are_told_apart():
    truth = np.array([[1.0]] * 100 + [[0.0]] * 100, dtype=np.float32)
    probs = np.array([[0.9999]] * 100 + [[0.9993]] * 100)
    policy = choose_policy(["a"], truth, probs, np.array([0.5]), Targets(block_precision=0.9))
    decisions = decided(policy, probs)
    assert (decisions[:100] == 2).all()
    assert not (decisions[100:] == 2).any()


def test_a_rare_label_with_small_scores_is_found():
    truth = np.zeros((4000, 1), dtype=np.float32)
    truth[:8] = 1
    probs = np.where(truth == 1, 4e-4, 5e-5)
    policy = choose_policy(["a"], truth, probs, np.array([0.002]), Targets(review_recall=1.0))
    assert (decided(policy, probs)[:8] >= 1).all()
    assert not decided(policy, probs)[8:].any()
    by_f1 = choose_policy(["a"], truth, probs, np.array([0.002]))
    assert (decided(by_f1, probs)[:8] >= 1).all()
    assert not decided(by_f1, probs)[8:].any()


def test_promises_survive_the_file(tmp_path):
    chance = np.random.default_rng(3)
    truth = (chance.random((300, 1)) < 0.2).astype(np.float32)
    probs = 1 / (1 + np.exp(-(3 * truth - 2 + chance.normal(0, 1, truth.shape))))
    policy = choose_policy(["a"], truth, probs, np.array([0.2]), Targets(review_recall=0.97))
    write_policy(policy, tmp_path)
    assert (decided(read_policy(tmp_path, ["a"]), probs) == decided(policy, probs)).all()
