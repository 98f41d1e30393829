import copy
import re

import pytest

from moderation.report.page import points_to_know, reading, report_page, tone, verdict

BETTER = {"difference": 0.1, "low": 0.05, "high": 0.2, "p_worse": 1.0, "p_better": 0.001}
WORSE = {"difference": -0.1, "low": -0.2, "high": -0.05, "p_worse": 0.001, "p_better": 1.0}
EVEN = {"difference": 0.01, "low": -0.1, "high": 0.1, "p_worse": 1.0, "p_better": 0.9}
UNKNOWN = dict.fromkeys(("difference", "low", "high", "p_worse", "p_better"))
RANGE = {"low": 0.4, "high": 0.6}


def system(value):
    names = ("average_precision", "auroc", "precision", "recall", "f1", "threshold", "expected_calibration_error")
    label = {
        "positives": 40,
        **dict.fromkeys(names, value),
        "intervals": dict.fromkeys(("average_precision", "auroc", "f1"), RANGE),
    }
    nothing = {"positives": 0, **dict.fromkeys(names), "intervals": dict.fromkeys(("average_precision",), UNKNOWN)}
    macros = ("macro_average_precision", "macro_auroc", "macro_f1")
    others = ("macro_precision", "macro_recall", "micro_average_precision", "micro_f1", "expected_calibration_error")
    return {
        "metrics": {**dict.fromkeys((*macros, *others), value), "false_positives_per_1000_clean": 20.0},
        "intervals": dict.fromkeys(macros, RANGE),
        "labels": {"insult": label, "<b>": nothing},
    }


def comparison(macro, insult=EVEN):
    return {
        "macro_average_precision": macro,
        "labels": {"insult": insult, "<b>": UNKNOWN},
        "flips": {"insult": 0.125, "<b>": 0.0},
    }


def part(rate=0.02, rows=50):
    return {
        "rows": rows,
        "positives": 8,
        "macro_average_precision": 0.5,
        "macro_f1": None,
        "false_positive_rate": rate,
        **dict.fromkeys(("subgroup_auc", "bpsn_auc", "bnsp_auc"), 0.875),
    }


@pytest.fixture
def evaluation():
    return {
        "schema_version": 2,
        "dataset_version": "0123456789abcdef",
        "rows": {"validation": 480, "test": 1640},
        "labels": ["insult", "<b>"],
        "policy_id": "p-0123456789ab",
        "candidate": system(0.512),
        "champion": None,
        "baseline": system(0.423),
        "frozen_encoder": None,
        "champion_left_out": None,
        "labels_dropped": [],
        "comparison": {"champion": None, "baseline": comparison(BETTER), "frozen_encoder": None},
        "curves": {
            "insult": {"precision_recall": [[0.5, 1.0, 0.9], [1.0, 0.5, 0.1]], "reliability": [[0.1, 0.2, 30]]},
            "<b>": {"precision_recall": [], "reliability": []},
        },
        "confusion": {
            "insult": dict.fromkeys(("true_positives", "false_positives", "false_negatives", "true_negatives"), 1234),
            "<b>": dict.fromkeys(("true_positives", "false_positives", "false_negatives", "true_negatives"), 0),
        },
        "slices": {
            "candidate": {
                "length": {"over 1000 characters": part()},
                "language": {"en": part()},
                "identity": {"muslim": part(), "deaf": part(rows=3)},
            },
            "champion": None,
        },
        "behaviour": {"candidate": {"insult_denied": {"cases": 4, "passed": 3, "share": 0.75}}, "champion": None},
        "evasion": {
            "candidate": {"case": {"rows": 40, "recall_clean": 0.5, "recall_evaded": 0.5, "kept": 1.0}},
            "champion": None,
        },
        "latency": {
            "candidate": {"p50_milliseconds": 12.0, "p95_milliseconds": 34.0, "texts_per_second": 56.0},
            "champion": None,
        },
        "worst_mistakes": [{"id": "row-7", "label": "insult", "truth": 0, "score": 0.987}],
        "seconds": {"model": 9.0, "baselines": 3.0, "metrics": 1.0},
    }


def with_champion(evaluation, macro, insult=EVEN):
    found = copy.deepcopy(evaluation) | {"champion": system(0.4)}
    found["comparison"]["champion"] = comparison(macro, insult)
    for name in ("slices", "behaviour", "evasion", "latency"):
        found[name]["champion"] = found[name]["candidate"]
    return found


def test_the_page_shows_the_figures_and_loads_nothing(evaluation):
    page = report_page(evaluation)
    assert not re.search(r"http|<script|<link|<img|url\(|@import", page)
    for shown in (
        "0.512",
        "0.423",
        "p-0123456789ab",
        "1,640 test rows",
        "12.5% of decisions",
        "row-7",
        "3 of 4",
        "1,234",
    ):
        assert shown in page
    assert "prefers-color-scheme: dark" in page


def test_an_interval_below_0_is_not_called_worse_where_one_of_many_labels_would_have_such_by_chance():
    assert tone(WORSE) == "worse"
    assert tone(WORSE | {"p_worse": 0.2}) == "even"
    assert tone(BETTER | {"p_better": 0.2}) == "even"


def test_an_interval_that_leaves_0_out_without_being_proof_leans():
    shown = [reading(found) for found in (BETTER | {"p_better": 0.2}, WORSE | {"p_worse": 0.2}, EVEN, UNKNOWN, WORSE)]
    assert shown == ["leans better", "leans worse", "no clear difference", "no clear difference", "worse"]


def test_names_from_the_data_cannot_break_the_page(evaluation):
    page = report_page(evaluation, {"row-7": "<script>alert(1)</script>"})
    assert "&lt;b&gt;" in page
    assert "<script" not in page


def test_texts_are_shown_only_where_they_were_asked_for_and_long_ones_cut(evaluation):
    text = "a telling sentence " + "x" * 400
    assert "a telling sentence" not in report_page(evaluation)
    page = report_page(evaluation, {"row-7": text})
    assert "a telling sentence" in page
    assert "x" * 300 not in page


def test_what_is_not_known_is_a_dash_and_never_a_number(evaluation):
    page = report_page(evaluation)
    assert "None" not in page
    assert "nan" not in page
    assert '<span class="soft">not known</span>' in page


def test_every_combination_of_systems_makes_a_page(evaluation):
    full = with_champion(evaluation, EVEN)
    full["frozen_encoder"], full["comparison"]["frozen_encoder"] = system(0.3), comparison(BETTER)
    page = report_page(full)
    for title in ("Live model", "Frozen encoder", "TF-IDF baseline", "Live model keeps", "Live: false alarms"):
        assert title in page
    for title in ("Live model", "Frozen encoder"):
        assert title not in report_page(evaluation)


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
