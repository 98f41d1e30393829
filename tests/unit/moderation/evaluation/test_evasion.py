import unicodedata

import numpy as np
import pytest

from moderation.evaluation.evasion import EVASIONS, ZERO_WIDTH, chosen_rows, evade, recall_kept

TEXT = "Nobody expected such a pointless reply, 42 of us agree."


@pytest.mark.parametrize("kind", EVASIONS)
def test_an_evasion_changes_the_text_and_is_the_same_on_every_run(kind):
    first, second = evade([TEXT, "other", TEXT], kind), evade([TEXT], kind)
    assert first[0] == first[2] == second[0] != TEXT
    assert evade([TEXT], kind, seed=2) != second


def test_leetspeak_leaves_digits_punctuation_and_short_words_alone():
    (found,) = evade([TEXT], "leetspeak")
    assert len(found) == len(TEXT)
    assert " a " in found
    assert ", 42 of us " in found
    assert all(any(map(str.isdigit, word)) for word in found.split() if len(word.strip(",.")) > 2)


def test_homoglyphs_look_like_latin_letters_and_are_none():
    (found,) = evade([TEXT], "homoglyphs")
    changed = [letter for letter, was in zip(found, TEXT, strict=True) if letter != was]
    assert len(changed) > 5
    assert {unicodedata.name(letter).split()[0] for letter in changed} <= {"CYRILLIC", "GREEK"}


def test_zero_width_spacing_and_case_can_be_undone():
    (hidden,) = evade([TEXT], "zero_width")
    assert hidden.translate({ord(character): None for character in ZERO_WIDTH}) == TEXT
    (spaced,) = evade([TEXT], "spacing")
    assert spaced.replace(" ", "") == TEXT.replace(" ", "")
    assert spaced.count(" ") > TEXT.count(" ") + 4
    (shouted,) = evade([TEXT], "case")
    assert shouted.lower() == TEXT.lower()


def test_only_rows_with_a_positive_label_are_rewritten_and_a_sample_of_many():
    truth = np.array([[0, 1], [0, 0], [np.nan, 1], [np.nan, 0]])
    assert chosen_rows(truth).tolist() == [0, 2]
    many = chosen_rows(np.ones((1000, 1)), limit=50)
    assert len(set(many.tolist())) == 50
    assert many.tolist() == sorted(many) == chosen_rows(np.ones((1000, 1)), limit=50).tolist()


def test_recall_is_kept_relative_to_the_clean_text():
    truth = np.array([[1, 0], [1, np.nan], [0, 1], [1, 1]])
    clean = np.array([[1, 1], [1, 1], [0, 0], [1, 1]], dtype=bool)
    evaded = np.array([[1, 0], [0, 0], [0, 0], [0, 1]], dtype=bool)
    assert recall_kept(truth, clean, evaded) == {
        "rows": 4,
        "recall_clean": 4 / 5,
        "recall_evaded": 2 / 5,
        "kept": 0.5,
    }


def test_without_a_hit_on_clean_text_nothing_can_be_kept():
    nothing = np.zeros((2, 1), dtype=bool)
    assert recall_kept(np.ones((2, 1)), nothing, ~nothing)["kept"] is None
    assert recall_kept(np.ones((0, 1)), nothing[:0], nothing[:0]) == {
        "rows": 0,
        "recall_clean": None,
        "recall_evaded": None,
        "kept": None,
    }
