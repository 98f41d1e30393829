"""The end of the report: every figure of every system, answer times, and what the figures mean."""

from html import escape

from contract.evaluation.document import Evaluation, Latency
from contract.evaluation.vocabulary import LABEL_METRIC_NAMES, METRIC_NAMES, SYSTEM_NAMES
from moderation.report.elements import present, table
from moderation.report.words import number


def all_figures(evaluation: Evaluation) -> str:
    """Tables over all labels, of the answer times, and of each label."""
    systems = present(evaluation)
    rows = [
        f'<th scope="row">{title}</th>'
        + "".join(
            f"<td>{number(result['metrics'][metric], 1 if 'per_1000' in metric else 3)}</td>"
            for result in systems.values()
        )
        for metric, title in METRIC_NAMES.items()
    ]
    page = "<h2>All figures</h2>" + table(["All labels", *(SYSTEM_NAMES[name] for name in systems)], rows)
    page += _answer_times(evaluation)

    for label in evaluation["labels"]:
        rows = [
            f'<th scope="row">{SYSTEM_NAMES[name]}</th>'
            + "".join(f"<td>{number(result['labels'][label][metric])}</td>" for metric in LABEL_METRIC_NAMES)
            for name, result in systems.items()
            if label in result["labels"]
        ]
        page += f"<h3>{escape(label)}</h3>" + table(["System", *LABEL_METRIC_NAMES.values()], rows)
    return page


def _answer_times(evaluation: Evaluation) -> str:
    candidate, champion = evaluation["latency"]["candidate"], evaluation["latency"]["champion"]
    rows = [_times(SYSTEM_NAMES["candidate"], candidate)]
    if champion:
        rows.append(_times(SYSTEM_NAMES["champion"], champion))
    heads = ["One text", "Median", "95th percentile", "Texts a second, 64 at once"]
    return "<h3>Answer times</h3>" + table(heads, rows)


def _times(name: str, latency: Latency) -> str:
    return (
        f'<th scope="row">{name}</th><td>{latency["p50_milliseconds"]:.1f} ms</td>'
        f"<td>{latency['p95_milliseconds']:.1f} ms</td><td>{latency['texts_per_second']:.0f}</td>"
    )


def footer(evaluation: Evaluation) -> str:
    """What average precision is, whose decision this is, and what the evaluation took."""
    spent = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in evaluation["seconds"].items())
    return (
        "<footer><p>Average precision is the area under the precision-recall curve; macro is the mean over labels. "
        "Whether the candidate may go live is the gate’s decision and then a person’s; this page is the evidence.</p>"
        f"<p>Time spent: {spent}.</p></footer>"
    )
