from helpers.reports import EVEN, with_champion

from moderation.report.figures import all_figures, footer


def test_every_metric_of_every_system_is_there(evaluation):
    page = all_figures(evaluation)
    for title in ("Micro F1", "Expected calibration error", "False positives per 1,000 clean texts"):
        assert title in page
    assert "<td>20.0</td>" in page
    assert page.count("12.0 ms") == 1
    assert all_figures(with_champion(evaluation, EVEN)).count("12.0 ms") == 2


def test_the_end_says_what_the_evaluation_took(evaluation):
    assert "Time spent: model 9.0 s, baselines 3.0 s, metrics 1.0 s." in footer(evaluation)
