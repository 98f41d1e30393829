import re

from helpers.reports import BETTER, EVEN, comparison, system, with_champion

from moderation.report.page import report_page


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
    for title in ("Live model", "Frozen encoder", "TF-IDF baseline", "Live model keeps", "Live model: false positives"):
        assert title in page
    for title in ("Live model", "Frozen encoder"):
        assert title not in report_page(evaluation)
