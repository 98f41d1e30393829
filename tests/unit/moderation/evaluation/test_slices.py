import numpy as np
import pytest

from moderation.evaluation.slices import by_identity, by_language, by_length, identity_aucs, slice_scores
from moderation.metrics.scored import Scored

ENGLISH = "The meeting about the new library takes place on Monday in the town hall, and everybody is welcome."
GERMAN = "Die Besprechung über die neue Bibliothek findet am Montag im Rathaus statt, und alle sind willkommen."
FRENCH = "La réunion sur la nouvelle bibliothèque aura lieu lundi à la mairie, et tout le monde est bienvenu."


def test_every_text_has_one_length():
    found = by_length(["x" * count for count in (1, 50, 51, 200, 201, 1000, 1001)])
    assert list(found) == [
        "1 to 50 characters",
        "51 to 200 characters",
        "201 to 1000 characters",
        "over 1000 characters",
    ]
    assert [inside.sum() for inside in found.values()] == [2, 2, 2, 1]


def test_languages_are_told_apart_and_rare_ones_put_together():
    found = by_language([ENGLISH] * 20 + [GERMAN] * 25 + [FRENCH, "ok", "👍"])
    assert {name: int(inside.sum()) for name, inside in found.items()} == {"de": 25, "en": 20, "unclear": 2, "other": 1}
    assert np.sum(list(found.values()), axis=0).tolist() == [1] * 48


def test_a_group_is_found_as_a_whole_word_in_any_case():
    found = by_identity(["Gay men", "the wheelchairs", "a German", "BLACK and white", "mentally  ill", "mentally ill"])
    assert {name: inside.tolist().index(True) for name, inside in found.items()} == {
        "gay or lesbian": 0,
        "male": 0,
        "black": 3,
        "white": 3,
        "mental illness": 5,
    }


def group_that_is_flagged_for_its_name(rows=40):
    """Clean rows that name the group score as high as abuse elsewhere."""
    inside = np.arange(4 * rows) < 2 * rows
    positive = np.tile(np.arange(2 * rows) < rows, 2).astype(float)
    highest = np.select(
        [inside & (positive == 1), inside, positive == 1], [0.9, 0.6, 0.6], 0.1
    ) + np.random.default_rng(1).uniform(-0.05, 0.05, 4 * rows)
    return positive, highest, inside


def test_a_group_that_is_flagged_for_its_name_shows_in_bpsn():
    found = identity_aucs(*group_that_is_flagged_for_its_name())
    assert found["subgroup_auc"] == found["bnsp_auc"] == 1
    assert found["bpsn_auc"] < 0.7


def test_a_label_that_nobody_annotated_says_nothing_about_a_group():
    truth = np.array([[1, np.nan], [0, np.nan]] * 20)
    probs = np.array([[0.9, 0.1], [0.1, 0.97]] * 20)
    everybody = {"identity": {"muslim": np.ones(40, dtype=bool)}}
    found = slice_scores(everybody, truth, Scored(["a", "b"], probs, np.array([0.5, 0.5])))["identity"]["muslim"]
    assert found["subgroup_auc"] == 1


def test_a_group_whose_abuse_is_overlooked_shows_in_bnsp():
    positive, highest, inside = group_that_is_flagged_for_its_name()
    found = identity_aucs(positive, np.where(inside, highest - 0.8, highest), inside)
    assert found["subgroup_auc"] == found["bpsn_auc"] == 1
    assert found["bnsp_auc"] < 0.7


def test_a_small_slice_has_no_figures_but_its_size():
    truth = np.zeros((40, 1))
    truth[:10] = 1
    slices = {"identity": {"few rows": np.arange(40) < 19, "few positives": np.arange(40) >= 6}}
    scored = Scored(["a"], np.linspace(1, 0, 40)[:, None], np.array([0.5]))
    found = slice_scores(slices, truth, scored)["identity"]
    assert found["few rows"] == {
        "rows": 19,
        "positives": 10,
        "macro_average_precision": None,
        "macro_f1": None,
        "false_positive_rate": None,
        "subgroup_auc": None,
        "bpsn_auc": None,
        "bnsp_auc": None,
    }
    few = found["few positives"]
    assert (few["positives"], few["macro_average_precision"], few["subgroup_auc"], few["bnsp_auc"]) == (4, *[None] * 3)
    assert few["false_positive_rate"] == pytest.approx(10 / 30)
    assert few["bpsn_auc"] == 1


def test_a_slice_is_measured_by_the_labels_with_enough_positives_in_it():
    truth = np.zeros((40, 2))
    truth[:10, 0] = 1
    truth[0, 1] = 1
    probs = np.stack([np.linspace(1, 0, 40), np.linspace(0, 1, 40)], axis=1)
    slices = {"length": {"all": np.ones(40, dtype=bool)}}
    found = slice_scores(slices, truth, Scored(["a", "b"], probs, np.array([0.5, 0.5])))["length"]["all"]
    assert found["macro_average_precision"] == 1
    assert found["macro_f1"] == pytest.approx(2 * 10 / (10 + 20))
    assert "subgroup_auc" not in found
