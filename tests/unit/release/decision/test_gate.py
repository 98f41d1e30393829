from dataclasses import replace

import pytest
from helpers.evaluations import LABELS, WORSE, comparison, evaluation

from contract.project.gate import ChampionRules, GateRules
from release.decision.gate import decide

RULES = GateRules(
    minimum={"macro_auroc": 0.75, "macro_average_precision": 0.3},
    maximum={"false_positives_per_1000_clean": 50.0},
    baseline_margin=-0.02,
    champion=ChampionRules(no_label_worse=True, maximum_flip_share=0.15, no_behaviour_worse=True),
    behaviour_minimum=0.5,
    evasion_minimum={"leetspeak": 0.4},
    slice_minimum={"identity": {"bpsn_auc": 0.7}, "length": {"macro_average_precision": 0.3}},
    maximum_p95_milliseconds=100.0,
)


def changed(path, value, champion=True):
    """The good evaluation with one number changed: `candidate.metrics.macro_auroc`."""
    whole = evaluation(champion)
    *parents, last = path.split(".")
    part = whole
    for name in parents:
        part = part[name]
    part[last] = value
    return whole


def failed(decision):
    return [rule.name for rule in decision.failed]


def test_a_good_first_model_passes_by_floors_and_baseline_alone():
    decision = decide(evaluation(champion=False), RULES)
    assert decision.verdict == "PASS"
    assert not [rule.name for rule in decision.rules if rule.name.startswith("champion")]
    assert {"minimum.macro_auroc", "baseline_margin", "behaviour_minimum.negation"} < {
        rule.name for rule in decision.rules
    }
    assert decision.summary == f"All {len(decision.rules)} rules passed."


# Each candidate breaks the rule by a hair; its mirror image meets it by as little
@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        ("minimum.macro_auroc", "candidate.metrics.macro_auroc", 0.7499, 0.75),
        ("minimum.macro_average_precision", "candidate.metrics.macro_average_precision", 0.299, 0.3),
        ("maximum.false_positives_per_1000_clean", "candidate.metrics.false_positives_per_1000_clean", 50.1, 50.0),
        ("baseline_margin", "comparison.baseline.macro_average_precision.difference", -0.021, 0.40 - 0.42),
        ("champion.macro", "comparison.champion.macro_average_precision.p_worse", 0.0499, 0.05),
        ("champion.label.threat", "comparison.champion.labels.threat.p_worse", 0.0499, 0.05),
        ("champion.labels_kept", "labels_dropped", ["spam"], []),
        ("champion.flips.insult", "comparison.champion.flips.insult", 0.151, 0.15),
        ("champion.behaviour.negation", "behaviour.candidate.negation.share", 0.799, 0.8),
        ("behaviour_minimum.negation", "behaviour.candidate.negation.share", 0.499, 0.5),
        ("evasion_minimum.leetspeak", "evasion.candidate.leetspeak.kept", 0.399, 0.4),
        ("slice_minimum.identity.bpsn_auc.women", "slices.candidate.identity.women.bpsn_auc", 0.699, 0.7),
        (
            "slice_minimum.length.macro_average_precision.long",
            "slices.candidate.length.long.macro_average_precision",
            0.299,
            0.3,
        ),
        ("maximum_p95_milliseconds", "latency.candidate.p95_milliseconds", 100.1, 100.0),
    ],
)
def test_each_rule_stops_what_breaks_only_that_rule_and_passes_its_mirror_image(rule, path, bad, good):
    # a champion that fails the whole suite can't be regressed against
    champion = not rule.startswith("behaviour_minimum")
    stopped, mirrored = decide(changed(path, bad, champion), RULES), decide(changed(path, good, champion), RULES)
    assert failed(stopped) == [rule]
    assert stopped.verdict == "FAIL"
    assert mirrored.verdict == "PASS"
    sentences = {decided.name: decided.sentence for decided in stopped.failed}
    assert "required: failed." in sentences[rule]
    assert stopped.summary == sentences[rule]
    assert "failed" not in {decided.name: decided.sentence for decided in mirrored.rules}[rule]


def swapped(whole):
    """The same two models the other way round."""
    other = dict(whole)
    other["candidate"], other["champion"] = whole["champion"], whole["candidate"]
    for part in ("slices", "behaviour", "evasion", "latency"):
        other[part] = {"candidate": whole[part]["champion"], "champion": whole[part]["candidate"]}

    def turned(compared):
        chances = {"p_worse": compared["p_better"], "p_better": compared["p_worse"]}
        return {"difference": -compared["difference"], "low": -compared["high"], "high": -compared["low"], **chances}

    compared = whole["comparison"]["champion"]
    other["comparison"] = whole["comparison"] | {
        "champion": {
            "macro_average_precision": turned(compared["macro_average_precision"]),
            "labels": {label: turned(difference) for label, difference in compared["labels"].items()},
            "flips": compared["flips"],
        }
    }
    return other


def test_swapping_candidate_and_champion_changes_the_verdict():
    whole = evaluation()
    whole["comparison"]["champion"]["labels"]["threat"] = dict(WORSE)
    assert failed(decide(whole, RULES)) == ["champion.label.threat"]
    assert decide(swapped(whole), RULES).verdict == "PASS"


def test_a_loss_within_the_noise_passes_and_the_sentence_says_so():
    noisy = {"difference": -0.05, "low": -0.12, "high": -0.01, "p_worse": 0.4, "p_better": 1.0}
    whole = evaluation()
    whole["comparison"]["champion"] = comparison(noisy)
    decision = decide(whole, RULES)
    assert decision.passed
    assert "may be noise" in next(rule for rule in decision.rules if rule.name == "champion.macro").sentence


def test_another_policy_on_the_same_model_is_no_worse_and_answers_to_the_flip_budget():
    whole = evaluation()
    whole["comparison"]["champion"] = comparison(
        {"difference": 0.0, "low": 0.0, "high": 0.0, "p_worse": 1.0, "p_better": 1.0}, flips=0.3
    )
    assert failed(decide(whole, RULES)) == ["champion.flips.insult", "champion.flips.threat"]


def test_a_label_that_only_one_of_the_two_models_knows_is_not_compared():
    whole = evaluation()
    del whole["champion"]["labels"]["threat"], whole["comparison"]["champion"]["labels"]["threat"]
    del whole["comparison"]["champion"]["flips"]["threat"]
    decision = decide(whole, RULES)
    assert decision.passed
    assert not [rule.name for rule in decision.rules if rule.name.endswith("threat")]


def test_report_mode_tells_what_would_have_been_stopped_and_stops_nothing():
    whole = changed("candidate.metrics.macro_auroc", 0.5)
    decision = decide(whole, replace(RULES, mode="report"))
    assert decision.verdict == "PASS"
    assert failed(decision) == ["minimum.macro_auroc"]
    assert decision.summary.startswith(f"Report only; 1 of {len(decision.rules)} rules would have stopped this: Macro")
    assert decide(evaluation(), replace(RULES, mode="report")).summary.startswith("All ")


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("minimum.macro_auroc", "candidate.metrics.macro_auroc"),
        ("maximum.false_positives_per_1000_clean", "candidate.metrics.false_positives_per_1000_clean"),
        ("baseline_margin", "comparison.baseline.macro_average_precision.difference"),
        ("champion.label.insult", "comparison.champion.labels.insult.p_worse"),
        ("champion.flips.insult", "comparison.champion.flips.insult"),
        ("evasion_minimum.leetspeak", "evasion.candidate.leetspeak.kept"),
        ("slice_minimum.identity.bpsn_auc.women", "slices.candidate.identity.women.bpsn_auc"),
        ("maximum_p95_milliseconds", "latency.candidate.p95_milliseconds"),
    ],
)
def test_a_number_that_is_none_fails_its_rule(rule, path, value):
    decision = decide(changed(path, value), RULES)
    assert failed(decision) == [rule]
    assert "could not be" in decision.summary


@pytest.mark.parametrize(
    ("part", "rules"),
    [
        ("evasion", ["evasion_minimum.leetspeak"]),
        ("behaviour", ["behaviour_minimum"]),
        ("slices", ["slice_minimum.identity.bpsn_auc", "slice_minimum.length.macro_average_precision"]),
    ],
)
def test_a_part_in_which_nothing_was_measured_fails_every_rule_about_it(part, rules):
    assert failed(decide(changed(f"{part}.candidate", {}, champion=False), RULES)) == rules


def test_a_champion_that_was_not_compared_fails_every_rule_about_it():
    names = ["champion.macro", *(f"champion.{kind}.{label}" for kind in ("label", "flips") for label in LABELS)]
    assert failed(decide(changed("comparison.champion", None), RULES)) == names


def test_a_slice_with_few_positive_rows_is_passed_over():
    names = [rule.name for rule in decide(evaluation(), RULES).rules]
    assert "slice_minimum.identity.bpsn_auc.women" in names
    assert "slice_minimum.identity.bpsn_auc.jewish" not in names


def test_one_floor_holds_for_every_kind_of_evasion_and_named_ones_for_those_alone():
    whole = evaluation()
    whole["evasion"]["candidate"]["spacing"] = {"kept": 0.1}
    assert failed(decide(whole, replace(RULES, evasion_minimum=0.4))) == ["evasion_minimum.spacing"]
    assert decide(whole, RULES).passed


def test_a_tolerated_loss_of_behaviour_passes_and_a_greater_one_does_not():
    rules = replace(RULES, champion=ChampionRules(no_behaviour_worse=True, behaviour_tolerance=0.1))
    assert decide(changed("behaviour.candidate.negation.share", 0.7), rules).passed
    stopped = decide(changed("behaviour.candidate.negation.share", 0.69), rules)
    assert failed(stopped) == ["champion.behaviour.negation"]
    assert "is 0.690, with the model live in prod 0.800; a loss of at most 0.1 required: failed." in stopped.summary


def test_rules_that_are_left_out_are_not_applied():
    whole = evaluation()
    whole["comparison"]["champion"] = comparison(WORSE, flips=1.0)
    assert decide(whole, GateRules()).rules == ()


@pytest.mark.parametrize(("choice", "passed"), [("fail", False), ("report", True)])
def test_a_label_with_too_few_positives_can_not_be_evaluated(choice, passed):
    whole = changed("candidate.labels.threat.positives", 1)
    decision = decide(whole, GateRules(minimum_test_positives=10, too_few_positives=choice))
    assert decision.passed is passed
    enough, few = decision.rules
    assert enough.sentence == "insult has 40 positive test rows; at least 10 required to evaluate it: passed."
    assert few.sentence.startswith("threat has 1 positive test rows; at least 10 required to evaluate it: its")
    assert few.value == 1
