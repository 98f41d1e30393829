import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from contract.evaluation.section import read_targets
from contract.model.policy import NEVER
from contract.policy.targets import LabelTargets, Targets
from moderation.evaluation.tune_policy import main
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
from moderation.fitting.validation_scores import ValidationScores, write_scores
from moderation.model.policy import make_policy, read_policy, write_policy

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


def labelled(positives, seed=0, rows=400):
    chance = np.random.default_rng(seed)
    truth = np.zeros((rows, 1), dtype=np.float32)
    truth[:positives] = 1
    return truth, 1 / (1 + np.exp(-(3 * truth - 2 + chance.normal(0, 1, truth.shape))))


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


def test_a_block_threshold_is_the_lowest_with_the_wanted_precision():
    scores = np.linspace(0.99, 0.01, 99)
    truth = np.ones(99)
    truth[30:] = 0
    # 30 hits, and one false row above them is allowed at .9 beside the one that is reckoned with
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


def test_a_review_threshold_is_the_highest_with_the_wanted_recall():
    truth, scores = np.array([1, 0, 1, 0, 1, 0, 1, 0]), np.linspace(0.8, 0.1, 8)
    # of 4 positives, 3 of 5 are found: one more that is missed is reckoned with
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


def test_a_policy_is_named_by_its_thresholds(tmp_path):
    chosen = make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.9]))
    assert chosen.content()["labels"] == {"a": {"review": 0.25, "block": 0.75}, "b": {"review": 0.5, "block": 0.9}}
    assert chosen.id.startswith("p-")
    assert len(chosen.id) == 14
    assert make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.9])).id == chosen.id
    assert make_policy(["a", "b"], np.array([0.26, 0.5]), np.array([0.75, 0.9])).id != chosen.id
    assert make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.91])).id != chosen.id
    write_policy(chosen, tmp_path)
    found = read_policy(tmp_path, ["b", "a"])
    assert found.id == chosen.id
    assert found.review.tolist() == [0.5, 0.25]
    assert found.block.tolist() == [0.9, 0.75]


def test_a_policy_for_other_labels_is_refused(tmp_path):
    write_policy(make_policy(["a"], np.array([0.5]), np.array([0.5])), tmp_path)
    with pytest.raises(ValueError, match="found thresholds for a, expected one for each of a, b"):
        read_policy(tmp_path, ["a", "b"])
    with pytest.raises(ValueError, match=r"found no policy\.json"):
        read_policy(tmp_path / "absent", ["a"])
    (tmp_path / "policy.json").write_text(json.dumps({"id": "p-1", "labels": {"a": {"threshold": 0.5}}}))
    with pytest.raises(ValueError, match="found a label without review or block threshold"):
        read_policy(tmp_path, ["a"])


def written(tmp_path, text):
    (tmp_path / "moderation.yaml").write_text(text)
    return tmp_path / "moderation.yaml"


def test_the_shipped_moderation_yaml_holds_a_policy_that_can_be_read():
    # the values are a data scientist's to edit; a build of the Check stage runs this on the edited file
    assert 0 < read_targets(ROOT / "moderation.yaml").block_precision <= 1


def test_targets_are_read_as_they_stand(tmp_path):
    section = "{block_precision: 0.95, review_recall: 0.8, labels: {a: {review: 0.2, block_precision: 0.99}}}"
    found = read_targets(written(tmp_path, f"policy: {section}\n"))
    assert found.of("a") == LabelTargets(review=0.2, block_precision=0.99)
    assert found.of("b") == LabelTargets(review_recall=0.8, block_precision=0.95)
    assert read_targets(written(tmp_path, "gate: {}\n")) == Targets()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{block_precison: 0.9}", "found the unknown key `block_precison`, did you mean block_precision?"),
        ("[1]", r"policy: found a list of 1, expected a mapping"),
        ("{block_precision: 90}", "policy.block_precision: found 90, expected at most 1"),
        ("{review_recall: true}", "policy.review_recall: found true"),
        ("{labels: [a]}", r"policy.labels: found a list of 1"),
        ("{labels: {a: {treshold: 1}}}", "policy.labels.a: found the unknown key `treshold`"),
        ("{labels: {a: {block: high}}}", 'policy.labels.a.block: found "high"'),
        ("{labels: {a: {review: 0.9, block: 0.3}}}", "found review 0.9 above block 0.3"),
        ("{labels: {a: {block: 0.9, block_precision: 0.9}}}", "found block and block_precision"),
    ],
)
def test_a_mistake_in_the_policy_section_is_named(tmp_path, section, message):
    with pytest.raises(ValueError, match=message):
        read_targets(written(tmp_path, f"policy: {section}\n"))


@pytest.fixture
def model_directory(tmp_path):
    """What a tuner needs of a model: labels, policy, validation scores."""
    truth, probs = labelled(150)
    truth, probs = np.hstack([truth, truth]), np.hstack([probs, probs[::-1] * 0.5 + probs * 0.5])
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "labels.json").write_text(json.dumps({"labels": ["a", "b"]}))
    prevalence = np.array([0.375, 0.375])
    write_policy(choose_policy(["a", "b"], truth, probs, prevalence), directory)
    write_scores(ValidationScores(truth, probs, prevalence), directory)
    return directory


def test_the_default_targets_keep_the_policy_that_training_chose(model_directory):
    shipped = read_policy(model_directory, ["a", "b"])
    (model_directory / "validation_scores.safetensors").rename(model_directory / "gone")
    assert effective_policy(model_directory, ["a", "b"], Targets()).id == shipped.id
    with pytest.raises(ValueError, match=r"found no validation_scores\.safetensors"):
        effective_policy(model_directory, ["a", "b"], Targets(block_precision=0.95))


def test_other_targets_make_another_policy_of_the_same_scores(model_directory):
    shipped = read_policy(model_directory, ["a", "b"])
    other = effective_policy(model_directory, ["a", "b"], Targets(block_precision=0.97))
    assert other.id != shipped.id
    assert other.review.tolist() == shipped.review.tolist()
    assert other.block[0] > shipped.block[0]


def test_tuning_one_label_leaves_the_others_and_prints_the_section_that_brings_it_back(
    model_directory, tmp_path, capsys
):
    shipped = read_policy(model_directory, ["a", "b"])
    arguments = ["--model", str(model_directory), "--precision", "0.97", "--recall", "0.9", "--label", "a"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    tuned = read_policy(tmp_path / "out", ["a", "b"])
    assert tuned.block[0] > shipped.block[0]
    assert (tuned.review[1], tuned.block[1]) == (shipped.review[1], shipped.block[1])
    printed = capsys.readouterr().out
    assert "on 400 validation rows" in printed
    section = yaml.safe_load(printed[printed.index("policy:\n") :])
    targets = read_targets(written(tmp_path, yaml.safe_dump(section)))
    assert effective_policy(model_directory, ["a", "b"], targets).id == tuned.id


def evaluation_of(curve):
    return {
        "schema_version": 3,
        "labels": ["a", "b"],
        "rows": {"validation": 10, "test": 20},
        "candidate": {"labels": {label: {"threshold": 0.35, "positives": 1_000_000} for label in "ab"}},
        "curves": {label: {"precision_recall": curve, "reliability": []} for label in "ab"},
    }


def test_the_curves_of_an_evaluation_tune_as_well(tmp_path, capsys):
    curve = [[0.2, 1.0, 0.9], [0.5, 0.92, 0.7], [0.8, 0.6, 0.4], [1.0, 0.3, 0.1]]
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(evaluation_of(curve)))
    assert main(["--curves", str(path), "--output", str(tmp_path / "out")]) == 0
    tuned = read_policy(tmp_path / "out", ["a", "b"]).content()["labels"]["a"]
    assert tuned == {"review": 0.35, "block": pytest.approx(0.7, abs=1e-4)}
    assert "review 0.3500 (precision 0.600, recall 0.800)  block 0.7000 (precision 1.000" in capsys.readouterr().out
    write_policy(make_policy(["a", "b"], np.array([0.35, 0.35]), np.array([0.8, 0.8])), tmp_path)
    asked = ["--curves", str(path), "--precision", "0.99", "--recall", "0.9", "--label", "b"]
    assert main([*asked, "--output", str(tmp_path / "out")]) == 0
    found = read_policy(tmp_path / "out", ["a", "b"]).content()["labels"]
    assert found["a"] == {"review": 0.35, "block": 0.8}
    assert found["b"] == {"review": 0.1, "block": pytest.approx(0.9, abs=1e-4)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "spam"], "--label: found spam, expected one of a, b"),
        (["--precision", "90"], "--precision: found 90.0"),
        (["--recall", "0"], "--recall: found 0.0"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(model_directory, capsys, arguments, message):
    assert main(["--model", str(model_directory), *arguments]) == 1
    assert message in capsys.readouterr().err
