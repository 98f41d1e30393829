from helpers.reports import BETTER, UNKNOWN, with_champion

from moderation.report.overview import comparisons, hero, points, tiles


def test_the_start_names_the_headline_figure_and_whom_it_is_compared_with(evaluation):
    page = hero(evaluation)
    assert "Macro average precision is <b>0.512</b>, with 95 % certainty 0.400 to 0.600." in page
    assert "Against the TF-IDF baseline: +0.100 (+0.050 to +0.200), better." in page


def test_the_tiles_stand_beside_the_live_model_or_else_the_baseline(evaluation):
    assert "0.423 TF-IDF baseline" in tiles(evaluation)
    page = tiles(with_champion(evaluation, BETTER))
    assert "0.400 Live model" in page
    for name in ("False positives per 1,000 clean texts", "Behaviour cases passed", "Recall kept under the worst"):
        assert name in page


def test_without_a_case_or_a_hit_the_tiles_show_a_dash(evaluation):
    evaluation["behaviour"]["candidate"] = {}
    evaluation["evasion"]["candidate"]["case"]["kept"] = None
    assert "no hit on plain text" in tiles(evaluation)
    assert tiles(evaluation).count("<b>–</b>") == 2


def test_points_are_a_list_with_their_tones(evaluation):
    assert '<li class="even">There is no live model to compare with.</li>' in points(evaluation)


def test_a_difference_that_is_not_known_has_no_band(evaluation):
    evaluation["comparison"]["baseline"]["labels"] = {"insult": UNKNOWN}
    page = comparisons(evaluation)
    assert page.count('class="track"') == 1
    assert "not known" in page
