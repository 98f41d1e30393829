import json

import numpy as np
import pytest

from moderation.thresholds import (
    best_threshold,
    choose_thresholds,
    policy,
    prevalence_threshold,
    prevalences,
    read_policy,
)


def test_the_best_threshold_lies_between_the_last_hit_and_the_next_score():
    truth = np.array([1, 1, 0, 0], dtype=np.float32)
    assert best_threshold(truth, np.array([0.9, 0.7, 0.3, 0.1])) == pytest.approx(0.5)


def test_the_best_threshold_weighs_a_missed_hit_against_false_ones():
    truth = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1], dtype=np.float32)
    scores = np.array([0.9, 0.8, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.2])
    assert best_threshold(truth, scores) == pytest.approx(0.7)


def test_equal_scores_are_never_split():
    truth = np.array([1, 0, 0, 0, 0], dtype=np.float32)
    assert best_threshold(truth, np.array([0.8, 0.8, 0.8, 0.8, 0.2])) == pytest.approx(0.5)


def test_a_prevalence_threshold_flags_that_share():
    scores = np.linspace(0, 1, 100)
    assert (scores >= prevalence_threshold(scores, 0.07)).sum() == 7
    assert (scores >= prevalence_threshold(scores, 0.0001)).sum() == 1
    assert (scores >= prevalence_threshold(scores, 1.0)).all() or prevalence_threshold(scores, 1.0) == 0.001


def labelled(positives, seed=0, rows=400):
    chance = np.random.default_rng(seed)
    truth = np.zeros((rows, 1), dtype=np.float32)
    truth[:positives] = 1
    return truth, 1 / (1 + np.exp(-(3 * truth - 2 + chance.normal(0, 1, truth.shape))))


def test_many_positives_choose_their_own_threshold():
    truth, probs = labelled(150)
    own = best_threshold(truth[:, 0], probs[:, 0])
    (chosen,) = choose_thresholds(truth, probs, np.array([0.01]))
    assert abs(chosen - own) < abs(chosen - prevalence_threshold(probs[:, 0], 0.01))


def test_few_positives_take_the_threshold_of_their_prevalence():
    truth, probs = labelled(4)
    (chosen,) = choose_thresholds(truth, probs, np.array([0.02]))
    assert chosen == pytest.approx(prevalence_threshold(probs[:, 0], 0.02), abs=1e-4)


def test_rows_without_annotation_choose_nothing():
    truth, probs = labelled(100)
    more_truth = np.vstack([truth, np.full((50, 1), np.nan, dtype=np.float32)])
    more_probs = np.vstack([probs, np.full((50, 1), 0.99)])
    assert choose_thresholds(more_truth, more_probs, np.array([0.25])) == choose_thresholds(
        truth, probs, np.array([0.25])
    )
    assert prevalences(more_truth) == pytest.approx([0.25])


def test_a_policy_is_named_by_its_thresholds(tmp_path):
    content = policy(["a", "b"], np.array([0.25, 0.5]))
    assert content["labels"] == {"a": {"threshold": 0.25}, "b": {"threshold": 0.5}}
    assert content["id"].startswith("p-")
    assert len(content["id"]) == 14
    assert policy(["a", "b"], np.array([0.25, 0.5]))["id"] == content["id"]
    assert policy(["a", "b"], np.array([0.26, 0.5]))["id"] != content["id"]
    (tmp_path / "policy.json").write_text(json.dumps(content))
    name, thresholds = read_policy(tmp_path, ["b", "a"])
    assert name == content["id"]
    assert thresholds.tolist() == [0.5, 0.25]


def test_a_policy_for_other_labels_is_refused(tmp_path):
    (tmp_path / "policy.json").write_text(json.dumps(policy(["a"], np.array([0.5]))))
    with pytest.raises(ValueError, match="found thresholds for a, expected one for each of a, b"):
        read_policy(tmp_path, ["a", "b"])
    with pytest.raises(ValueError, match=r"found no policy\.json"):
        read_policy(tmp_path / "absent", ["a"])
