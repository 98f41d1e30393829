import re

import pytest

from moderation.report import charts


def test_a_curve_begins_at_no_recall_and_marks_the_threshold():
    drawing = charts.precision_recall("<b>", [[0.5, 1.0, 0.9], [1.0, 0.5, 0.1]], (0.5, 1.0), 0.25)
    assert 'aria-label="&lt;b&gt;"' in drawing
    assert len(re.search(r'<polyline class="line" points="([^"]*)"', drawing)[1].split()) == 3
    assert 'class="chosen"' in drawing
    assert 'class="chosen"' not in charts.precision_recall("a", [[1.0, 0.5, 0.1]], None, 0.25)


def test_a_point_of_many_rows_is_larger():
    drawing = charts.reliability("a", [[0.1, 0.2, 10], [0.9, 0.8, 90]])
    small, large = (float(radius) for radius in re.findall(r' r="([\d.]+)"', drawing))
    assert small < large


def test_a_difference_stays_on_its_track():
    assert 'class="dot tone" style="left:75.0%"' in charts.difference_track(0.05, -2.0, 2.0, 0.1)
    assert "left:0.0%;width:100.0%" in charts.difference_track(0.05, -2.0, 2.0, 0.1)


def test_the_candidate_is_drawn_on_top_and_what_is_not_known_is_left_out():
    track = charts.value_track({"candidate": 0.5, "champion": None, "baseline": 0.25}, None, None)
    assert re.findall(r'class="dot (\w+)"', track) == ["baseline", "candidate"]
    assert "span" not in track


@pytest.mark.parametrize(("value", "width"), [(0.5, "50%"), (1.7, "100%")])
def test_a_bar_is_never_wider_than_full(value, width):
    assert f"width:{width}" in charts.bar(value)
    assert charts.bar(None) == ""
