import re

from moderation.report.by_label import average_precisions, confusion, curves


def test_each_label_has_a_line_with_the_systems_that_know_it(evaluation):
    del evaluation["baseline"]["labels"]["insult"]
    rows = average_precisions(evaluation).split('<div class="row">')[1:]
    assert len(rows) == 2
    assert re.findall(r'class="dot (\w+)"', rows[0]) == ["candidate"]


def test_a_label_without_points_has_no_drawing(evaluation):
    page = curves(evaluation)
    assert page.count("<svg") == 2
    assert "precision 0.51, recall 0.51" in page


def test_decisions_are_counted_under_the_names_of_the_field(evaluation):
    page = confusion(evaluation)
    for title in ("True positives", "False negatives", "False positives", "True negatives"):
        assert title in page
    assert page.count("1,234") == 4
