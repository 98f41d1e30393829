"""The drawings of the report: inline SVG and positioned marks, coloured by the page's style in light and dark."""

from collections.abc import Mapping, Sequence
from html import escape

from contract.evaluation.document import System

WIDTH, HEIGHT = 180, 150
LEFT, RIGHT, TOP, BOTTOM = 32, 6, 6, 26  # margins inside the drawing, for the axes' numbers


def precision_recall(
    title: str, points: Sequence[Sequence[float]], chosen: tuple[float, float] | None, prevalence: float
) -> str:
    """Precision over recall, with the decision that the policy chose and what guessing would give.

    points: recall, precision, threshold by rising recall; chosen: recall and precision at the policy's threshold.
    """
    line = " ".join(f"{_x(recall)},{_y(precision)}" for recall, precision, _ in points)
    first = f"{_x(0)},{_y(points[0][1])} "
    guess = f'<line class="guide" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(prevalence)}" y2="{_y(prevalence)}"/>'
    mark = f'<circle class="chosen" cx="{_x(chosen[0])}" cy="{_y(chosen[1])}" r="4.5"/>' if chosen else ""
    return _drawing(title, "recall", "precision", f'{guess}<polyline class="line" points="{first}{line}"/>{mark}')


def reliability(title: str, points: Sequence[Sequence[float]]) -> str:
    """Share of positives over mean score; the larger a point, the more rows; the diagonal is a score kept to the word.

    points: mean score, share of positives, rows.
    """
    everything = sum(rows for _, _, rows in points)
    diagonal = f'<line class="guide" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    line = " ".join(f"{_x(score)},{_y(share)}" for score, share, _ in points)
    dots = "".join(
        f'<circle class="point" cx="{_x(score)}" cy="{_y(share)}" r="{2 + 4 * (rows / everything) ** 0.5:.1f}"/>'
        for score, share, rows in points
    )
    return _drawing(title, "score", "share positive", f'{diagonal}<polyline class="line" points="{line}"/>{dots}')


def difference_track(difference: float, low: float, high: float, reach: float) -> str:
    """A difference and its interval on a line from -reach to reach, with 0 marked."""

    def place(value: float) -> float:
        return round(50 + 50 * max(-1.0, min(1.0, value / reach)), 2)

    return (
        '<div class="track"><div class="base"></div><div class="zero" style="left:50%"></div>'
        f'<div class="span tone" style="left:{place(low)}%;width:{round(place(high) - place(low), 2)}%"></div>'
        f'<i class="dot tone" style="left:{place(difference)}%"></i></div>'
    )


def value_track(values: Mapping[System, float | None], low: float | None, high: float | None) -> str:
    """Each system's value on a line from 0 to 1, with the candidate's interval; the candidate is drawn last, on top."""
    span = (
        f'<div class="span" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></div>'
        if low is not None and high is not None
        else ""
    )
    dots = "".join(
        f'<i class="dot {name}" style="left:{100 * value:.2f}%"></i>'
        for name, value in reversed(list(values.items()))
        if value is not None
    )
    return f'<div class="track"><div class="base"></div>{span}{dots}</div>'


def bar(share: float | None, system: str = "candidate") -> str:
    """A share as a bar; shares above 1 fill it."""
    if share is None:
        return ""
    return f'<span class="bar {system}"><i style="width:{100 * min(1.0, share):.0f}%"></i></span>'


def _x(value: float) -> float:
    return round(LEFT + value * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float) -> float:
    return round(TOP + (1 - value) * (HEIGHT - TOP - BOTTOM), 1)


def _drawing(title: str, x_axis: str, y_axis: str, content: str) -> str:
    grid = "".join(
        f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(value)}" y2="{_y(value)}"/>'
        f'<text x="{LEFT - 4}" y="{_y(value) + 3}" text-anchor="end">{value:g}</text>'
        f'<text x="{_x(value)}" y="{HEIGHT - BOTTOM + 11}" text-anchor="middle">{value:g}</text>'
        for value in (0, 0.5, 1)
    )
    middle = _y(0.5)
    names = (
        f'<text x="{_x(0.5)}" y="{HEIGHT - 3}" text-anchor="middle">{x_axis}</text>'
        f'<text x="9" y="{middle}" text-anchor="middle" transform="rotate(-90 9 {middle})">{y_axis}</text>'
    )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{grid}{names}{content}</svg>'
