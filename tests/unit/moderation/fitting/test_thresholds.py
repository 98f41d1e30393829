from pathlib import Path

import numpy as np
import pytest
from helpers.samples import labelled

from contract.model.policy import NEVER
from contract.policy.targets import LabelTargets, Targets
from moderation.fitting.thresholds import (
    best_threshold,
    block_threshold,
    choose_policy,
    choose_review,
    effective_policy,
    precision_threshold,
    prevalence_threshold,
    prevalences,
    recall_threshold,
)
from moderation.model.policy import read_policy

ROOT = Path(__file__).parents[4]


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
    assert (scores >= prevalence_threshold(scores, 1.0)).all()


def test_many_positives_choose_their_own_threshold():
    truth, probs = labelled(150)
    own = best_threshold(truth[:, 0], probs[:, 0])
    (chosen,) = choose_review(truth, probs, np.array([0.01]))
    assert abs(chosen - own) < abs(chosen - prevalence_threshold(probs[:, 0], 0.01))


def test_few_positives_take_the_threshold_of_their_prevalence():
    truth, probs = labelled(4)
    (chosen,) = choose_review(truth, probs, np.array([0.02]))
    assert chosen == pytest.approx(prevalence_threshold(probs[:, 0], 0.02), abs=1e-4)


def test_rows_without_annotation_choose_nothing():
    truth, probs = labelled(100)
    more_truth = np.vstack([truth, np.full((50, 1), np.nan, dtype=np.float32)])
    more_probs = np.vstack([probs, np.full((50, 1), 0.99)])
    assert choose_review(more_truth, more_probs, np.array([0.25])) == choose_review(truth, probs, np.array([0.25]))
    assert prevalences(more_truth) == pytest.approx([0.25])


def test_a_block_threshold_is_the_lowest_with_that_precision():
    scores = np.linspace(0.99, 0.01, 99)
    truth = np.ones(99)
    truth[30:] = 0
    # 30 hits, and one false row above them is allowed at .9 beside the one that is assumed
    assert (scores >= precision_threshold(truth, scores, 0.9)).sum() == 32
    truth[5] = 0
    assert (scores >= precision_threshold(truth, scores, 0.9)).sum() == 31
    truth[:4] = 0
    assert precision_threshold(truth, scores, 0.9) == NEVER


@pytest.mark.parametrize(("hits", "blocks"), [(8, False), (9, True)])
def test_a_few_lucky_hits_promise_no_precision(hits, blocks):
    truth = np.array([1] * hits + [0] * 50)
    threshold = precision_threshold(truth, np.linspace(0.9, 0.1, len(truth)), 0.9)
    assert (threshold < NEVER) is blocks


def test_the_fewer_positives_speak_for_a_block_the_higher_its_threshold():
    def chosen(positives):
        truth = np.array([1] * positives + [0] * (positives + 50))
        return block_threshold(truth, np.where(truth == 1, 0.4, 0.1), 0.9)

    assert precision_threshold(np.array([1] * 9 + [0] * 50), np.array([0.4] * 9 + [0.1] * 50), 0.9) == 0.25
    assert NEVER == chosen(8) > chosen(9) > 0.9 > chosen(40) > chosen(1000) > 0.25
    assert chosen(1000) == pytest.approx(0.25, abs=0.03)


def test_without_a_positive_nothing_is_blocked():
    assert block_threshold(np.zeros(5), np.linspace(0, 1, 5), 0.5) == NEVER
    assert precision_threshold(np.zeros(5), np.linspace(0, 1, 5), 0.5) == NEVER


def test_a_review_threshold_is_the_highest_with_that_recall():
    truth, scores = np.array([1, 0, 1, 0, 1, 0, 1, 0]), np.linspace(0.8, 0.1, 8)
    # of 4 positives, 3 of 5 are found: one more that is missed is assumed
    assert (scores >= recall_threshold(truth, scores, 0.6)).sum() == 5
    assert (scores >= recall_threshold(truth, scores, 0.61)).sum() == 7
    assert (scores >= recall_threshold(truth, scores, 1.0)).sum() == 7


def test_block_is_never_below_review():
    truth, probs = labelled(150)
    for targets in (Targets(block_precision=0.1), Targets(labels={"a": LabelTargets(review=0.9)})):
        chosen = choose_policy(["a"], truth, probs, np.array([0.3]), targets)
        assert chosen.block[0] >= chosen.review[0]
    assert chosen.review[0] == 0.9


def test_more_precision_blocks_later_and_more_recall_reviews_earlier():
    truth, probs = labelled(150)
    blocks = [
        choose_policy(["a"], truth, probs, np.array([0.3]), Targets(block_precision=wanted)).block[0]
        for wanted in (0.9, 0.95, 0.98)
    ]
    assert blocks == sorted(set(blocks))
    reviews = [
        choose_policy(["a"], truth, probs, np.array([0.3]), Targets(review_recall=wanted)).review[0]
        for wanted in (0.95, 0.8, 0.6)
    ]
    assert reviews == sorted(set(reviews))


def test_a_label_goes_its_own_way_and_the_others_do_not_notice():
    truth, probs = labelled(150)
    both = (np.hstack([truth, truth]), np.hstack([probs, probs]), np.array([0.3, 0.3]))
    plain = choose_policy(["a", "b"], *both)
    own = choose_policy(["a", "b"], *both, Targets(labels={"b": LabelTargets(review=0.11, block=0.22)}))
    assert own.content()["labels"]["a"] == plain.content()["labels"]["a"]
    assert own.content()["labels"]["b"] == {"review": 0.11, "block": 0.22}
    assert own.id != plain.id


def test_a_fixed_block_threshold_holds_where_review_would_be_chosen_above_it():
    truth, probs = labelled(150)
    chosen = choose_policy(["a"], truth, probs, np.array([0.3]), Targets(labels={"a": LabelTargets(block=0.05)}))
    assert (chosen.review[0], chosen.block[0]) == (0.05, 0.05)


def test_targets_of_an_unknown_label_are_refused():
    truth, probs = labelled(20)
    with pytest.raises(ValueError, match="found the unknown label spam, expected one of a"):
        choose_policy(["a"], truth, probs, np.array([0.3]), Targets(labels={"spam": LabelTargets(block=0.9)}))


def test_the_default_targets_keep_the_policy_that_training_chose(model_directory):
    trained = read_policy(model_directory, ["a", "b"])
    (model_directory / "validation_scores.safetensors").rename(model_directory / "gone")
    assert effective_policy(model_directory, ["a", "b"], Targets()).id == trained.id
    with pytest.raises(ValueError, match=r"found no validation_scores\.safetensors"):
        effective_policy(model_directory, ["a", "b"], Targets(block_precision=0.95))


def test_other_targets_make_another_policy_of_the_same_scores(model_directory):
    trained = read_policy(model_directory, ["a", "b"])
    other = effective_policy(model_directory, ["a", "b"], Targets(block_precision=0.97))
    assert other.id != trained.id
    assert other.review.tolist() == trained.review.tolist()
    assert other.block[0] > trained.block[0]
