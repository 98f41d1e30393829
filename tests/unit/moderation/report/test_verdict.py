import copy

import pytest
from helpers.reports import BETTER, EVEN, UNKNOWN, WORSE, comparison, part, with_champion

from moderation.report.verdict import ascending, points_to_know, reading, tone, verdict


def test_an_interval_below_0_is_not_called_worse_where_one_of_many_labels_would_have_such_by_chance():
    assert tone(WORSE) == "worse"
    assert tone(WORSE | {"p_worse": 0.2}) == "even"
    assert tone(BETTER | {"p_better": 0.2}) == "even"


def test_an_interval_that_leaves_0_out_without_being_proof_leans():
    shown = [reading(found) for found in (BETTER | {"p_better": 0.2}, WORSE | {"p_worse": 0.2}, EVEN, UNKNOWN, WORSE)]
    assert shown == ["leans better", "leans worse", "no clear difference", "no clear difference", "worse"]


@pytest.mark.parametrize(("found", "kind"), [(BETTER, "better"), (WORSE, "worse"), (EVEN, "even"), (UNKNOWN, "even")])
def test_only_an_interval_on_one_side_of_zero_is_a_difference(found, kind):
    assert tone(found) == kind


def test_the_headline_is_about_the_live_model_where_there_is_one(evaluation):
    assert verdict(with_champion(evaluation, WORSE)) == ("worse", "Worse than the live model")
    assert verdict(with_champion(evaluation, BETTER)) == ("better", "Better than the live model")
    assert verdict(with_champion(evaluation, EVEN)) == ("even", "No clear difference from the live model")


def test_the_headline_of_a_first_model_is_about_both_baselines(evaluation):
    assert verdict(evaluation) == ("better", "First model: better than the TF-IDF baseline")
    evaluation["comparison"]["frozen_encoder"] = comparison(EVEN)
    assert verdict(evaluation) == ("even", "First model: not clearly better than the frozen encoder")
    evaluation["comparison"]["frozen_encoder"] = comparison(WORSE)
    assert verdict(evaluation) == ("worse", "First model: worse than the frozen encoder")


def test_a_quiet_evaluation_has_nothing_grave_to_know(evaluation):
    told = points_to_know(with_champion(evaluation, EVEN))
    assert told == [("even", "Few positive test rows, so that figures are rough: <b> (0).")]


def test_a_live_model_with_other_labels_is_told(evaluation):
    assert ("even", "There is no live model to compare with.") in points_to_know(evaluation)
    left_out = points_to_know(evaluation | {"champion_left_out": "it is another"})
    assert ("even", "The live model is not compared: it is another.") in left_out
    found = with_champion(evaluation, EVEN) | {"labels_dropped": ["spam"]}
    assert points_to_know(found)[0] == ("worse", "No longer knows what the live model knows: spam.")
    del found["champion"]["labels"]["<b>"]
    shown = "What is shown of the live model is over the labels that both know: insult."
    assert ("even", shown) in points_to_know(found | {"labels_dropped": []})


def test_what_speaks_against_a_release_comes_first(evaluation):
    found = with_champion(evaluation, EVEN, insult=WORSE)
    found["behaviour"]["candidate"] = {"insult_denied": {"cases": 4, "passed": 1, "share": 0.25}}
    found["evasion"]["candidate"] = {"case": {"rows": 9, "recall_clean": 0.5, "recall_evaded": 0.2, "kept": 0.4}}
    found["slices"]["candidate"]["identity"]["muslim"] = part(rate=0.3)
    assert not any("Flags" in told for _, told in points_to_know(found))
    often = copy.deepcopy(found)
    often["candidate"]["metrics"]["false_positives_per_1000_clean"] = 201.0
    assert ("worse", "Flags 201 of 1,000 clean texts.") in points_to_know(often)
    found["comparison"]["baseline"]["labels"]["insult"] = BETTER
    told = points_to_know(found)
    assert [kind for kind, _ in told] == ["worse"] * 4 + ["better", "even"]
    sentences = " ".join(sentence for _, sentence in told)
    for part_of in (
        "Clearly worse than the live model for insult.",
        "insult denied (1 of 4)",
        "Random case: only 40% of what it finds is still found.",
        "“muslim” are flagged 300 times in 1,000, against 20 for all clean texts.",
        "Clearly better than the TF-IDF baseline for insult.",
    ):
        assert part_of in sentences


def test_names_are_put_by_value_and_what_is_not_known_is_left_out():
    assert ascending({"a": 0.5, "b": None, "c": 0.1}) == [("c", 0.1), ("a", 0.5)]
