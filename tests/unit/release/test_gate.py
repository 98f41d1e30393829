import copy

import pytest

from release.config import GatePolicy
from release.gate import decide

POLICY = GatePolicy(minimum={"macro_auroc": 0.75}, baseline_margin=-0.02, champion_margin=-0.02)


def scores(average_precision, auroc=0.9):
    return {"metrics": {"macro_average_precision": average_precision, "macro_auroc": auroc}, "labels": {}}


def evaluation(candidate=0.50, baseline=0.45, champion=None, low=0.0, high=0.0):
    return {
        "schema_version": 2,
        "candidate": scores(candidate),
        "baseline": scores(baseline),
        "champion": None if champion is None else scores(champion),
        "comparison": {
            "champion": None
            if champion is None
            else {"macro_average_precision": {"difference": candidate - champion, "low": low, "high": high}}
        },
    }


def failed(decision):
    return [rule.name for rule in decision.rules if not rule.passed]


def test_a_good_first_model_passes_without_a_champion():
    decision = decide(evaluation(), POLICY)
    assert decision.verdict == "PASS"
    assert [rule.name for rule in decision.rules] == ["minimum.macro_auroc", "baseline_margin"]
    assert decision.summary == "All 2 rules passed."


@pytest.mark.parametrize(("auroc", "passes"), [(0.75, True), (0.7499, False)])
def test_a_floor_stops_what_is_below_it_and_nothing_else(auroc, passes):
    judged = evaluation()
    judged["candidate"]["metrics"]["macro_auroc"] = auroc
    decision = decide(judged, POLICY)
    assert decision.passed is passes
    assert failed(decision) == ([] if passes else ["minimum.macro_auroc"])


@pytest.mark.parametrize(("candidate", "baseline", "passes"), [(0.30, 0.32, True), (0.30, 0.33, False)])
def test_the_baseline_margin_stops_a_model_worse_than_the_baseline(candidate, baseline, passes):
    decision = decide(evaluation(candidate, baseline), POLICY)
    assert failed(decision) == ([] if passes else ["baseline_margin"])


def test_a_model_clearly_worse_than_the_champion_fails():
    decision = decide(evaluation(0.50, champion=0.60, low=-0.15, high=-0.05), POLICY)
    assert failed(decision) == ["champion_margin"]
    assert "whole interval is below 0" in decision.summary


def test_a_worse_model_within_the_noise_passes_and_the_sentence_says_noise():
    decision = decide(evaluation(0.50, champion=0.60, low=-0.25, high=0.01), POLICY)
    assert decision.passed
    assert "may be noise" in decision.rules[-1].sentence


def test_a_clear_but_small_loss_within_the_margin_passes():
    assert decide(evaluation(0.59, champion=0.60, low=-0.015, high=-0.005), POLICY).passed


def test_swapping_candidate_and_champion_changes_the_verdict():
    better = decide(evaluation(0.60, champion=0.50, low=0.05, high=0.15), POLICY)
    worse = decide(evaluation(0.50, champion=0.60, low=-0.15, high=-0.05), POLICY)
    assert (better.verdict, worse.verdict) == ("PASS", "FAIL")


@pytest.mark.parametrize("value", [None, float("nan"), "0.9", True])
def test_a_metric_that_is_no_number_fails_its_rule(value):
    judged = evaluation()
    judged["candidate"]["metrics"]["macro_auroc"] = value
    decision = decide(judged, POLICY)
    assert failed(decision) == ["minimum.macro_auroc"]
    assert "could not be computed" in decision.summary


def test_a_missing_metric_fails_every_rule_that_needs_it():
    judged = evaluation(champion=0.4)
    del judged["candidate"]["metrics"]["macro_average_precision"]
    judged["comparison"]["champion"] = None
    assert failed(decide(judged, POLICY)) == ["baseline_margin", "champion_margin"]


def test_rules_left_out_of_the_policy_are_not_judged():
    policy = GatePolicy(minimum={}, baseline_margin=None, champion_margin=None)
    assert decide(evaluation(0.01, champion=0.9, low=-1, high=-0.5), policy).rules == ()


def test_another_schema_is_refused():
    other = copy.deepcopy(evaluation()) | {"schema_version": 1}
    with pytest.raises(ValueError, match="schema_version 1"):
        decide(other, POLICY)
