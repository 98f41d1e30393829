"""The evaluation as one self-contained page: no script, no request to anywhere, no text unless it was asked for."""

from collections.abc import Mapping

from contract.evaluation.document import Evaluation
from moderation.pages.style import style
from moderation.report import by_label, figures, overview, weaknesses


def report_page(evaluation: Evaluation, texts: Mapping[str, str] | None = None) -> str:
    """HTML of an evaluation.json; texts: those of the worst mistakes to show, by id."""
    sections = (
        overview.hero(evaluation),
        overview.tiles(evaluation),
        overview.points(evaluation),
        overview.comparisons(evaluation),
        by_label.average_precisions(evaluation),
        by_label.curves(evaluation),
        by_label.confusion(evaluation),
        weaknesses.slices(evaluation),
        weaknesses.behaviour(evaluation),
        weaknesses.evasion(evaluation),
        weaknesses.mistakes(evaluation, texts or {}),
        figures.all_figures(evaluation),
        figures.footer(evaluation),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model evaluation</title><style>{style()}</style></head><body><main>"
        f"{''.join(sections)}</main></body></html>"
    )
