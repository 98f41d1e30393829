from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from contract.evaluation.section import read_evaluation_config
from moderation.evaluation.behaviour import OWN_SUITE, Case, passed_by_group, read_cases

HATECHECK = (
    ",functionality,case_id,test_case,label_gold,target_ident,direction,focus_words,focus_lemma,ref_case_id,"
    "ref_templ_id,templ_id,case_templ,gold_1,gold_2\n"
    '0,derog_neg_emote_h,1,"A case, with a comma.",hateful,women,general,word,word,,,1,x,hateful,hateful\n'
    "2,ident_neutral_nh,2,Another case.,non-hateful,,,,,,,2,x,non-hateful,non-hateful\n"
)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_hatecheck_is_read_as_published(tmp_path):
    assert read_cases(written(tmp_path / "a.csv", HATECHECK)) == [
        Case("1", "derog_neg_emote_h", "A case, with a comma.", True, ()),
        Case("2", "ident_neutral_nh", "Another case.", False, ()),
    ]


def test_the_suite_that_moderation_yaml_names_can_be_read():
    """The Check stage runs this on the edited file: a mistake in the cases costs no training."""
    named = read_evaluation_config(Path(__file__).parents[4] / "moderation.yaml").behaviour
    assert named is None or read_cases(named)


def test_our_own_suite_has_both_sides_and_no_case_twice():
    cases = read_cases(OWN_SUITE)
    assert len({case.text for case in cases}) == len({case.id for case in cases}) == len(cases) >= 100
    sizes = Counter(case.group for case in cases)
    assert len(sizes) >= 15
    assert min(sizes.values()) >= 6
    assert 0.3 < np.mean([case.flagged for case in cases]) < 0.7
    assert all(case.labels for case in cases if case.flagged)  # which label must fire, is never left open


def test_a_case_counts_where_the_model_has_one_of_its_labels():
    cases = [
        Case("1", "insults", "a", True, ("insult", "toxic")),
        Case("2", "insults", "b", True, ("insult",)),
        Case("3", "neutral", "c", False, ()),
        Case("4", "threats", "d", True, ("threat",)),
    ]
    flags = np.array([[True, False], [False, True], [False, True], [True, True]])
    assert passed_by_group(cases, ["insult", "spam"], flags) == {
        "insults": {"cases": 2, "passed": 1, "share": 0.5},
        "neutral": {"cases": 1, "passed": 0, "share": 0.0},
    }


def test_a_case_that_must_stay_clean_is_spared_only_by_its_own_labels():
    cases = [Case("1", "things", "a", False, ("insult",))]
    assert passed_by_group(cases, ["insult", "obscene"], np.array([[False, True]]))["things"]["passed"] == 1
    assert passed_by_group(cases, ["insult", "obscene"], np.array([[True, False]]))["things"]["passed"] == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("functionality,case_id,test_case\n", "found no column label_gold"),
        (HATECHECK.splitlines()[0] + "\n", "found no case"),
        (HATECHECK.replace(",non-hateful,", ",maybe,", 1), "row 2: found label_gold 'maybe'"),
        (HATECHECK.replace("Another case.", " "), "row 2: found nothing in test_case"),
        (HATECHECK + "3,short\n", "row 3: found nothing in case_id, test_case, label_gold"),
    ],
)
def test_a_file_of_another_form_is_a_reason(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason):
        read_cases(written(tmp_path / "a.csv", text))
