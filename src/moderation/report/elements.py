"""Pieces of HTML that several sections of the report use."""

from collections.abc import Iterable, Sequence

from contract.evaluation.document import SYSTEMS, Evaluation, System, SystemResult


def table(heads: Iterable[str], rows: Sequence[str]) -> str:
    """A table of rows that are HTML cells."""
    head = "".join(f"<th>{title}</th>" for title in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="card table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def section(title: str, note: str, body: str) -> str:
    """A headline, a sentence about what follows, and that."""
    return f'<h2>{title}</h2><p class="note">{note}</p>{body}'


def nothing(reason: str) -> str:
    """What stands in the place of a table that would be empty."""
    return f'<p class="soft">{reason}</p>'


def present(evaluation: Evaluation) -> dict[System, SystemResult]:
    """The systems that were evaluated."""
    return {name: result for name in SYSTEMS if (result := evaluation[name])}
