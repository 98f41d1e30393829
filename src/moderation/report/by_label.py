"""The report label by label: average precision, curves, and how the decisions fall."""

from html import escape

from contract.evaluation.document import Evaluation
from contract.evaluation.vocabulary import SYSTEM_NAMES
from moderation.report import charts
from moderation.report.elements import present, section, table
from moderation.report.words import interval, number


def average_precisions(evaluation: Evaluation) -> str:
    """Each label's average precision, of all systems on one line."""
    systems = present(evaluation)
    legend = "".join(f'<span><i class="dot {name}"></i>{SYSTEM_NAMES[name]}</span>' for name in systems)

    rows = []
    for label, metrics in evaluation["candidate"]["labels"].items():
        values = {
            name: result["labels"][label]["average_precision"] if label in result["labels"] else None
            for name, result in systems.items()
        }
        within = metrics["intervals"]["average_precision"]
        rows.append(
            f'<div class="row"><div class="name">{escape(label)}<small>{metrics["positives"]:,} positive rows</small>'
            "</div>"
            f"{charts.value_track(values, within['low'], within['high'])}"
            f'<div class="numbers">{number(metrics["average_precision"])}<small>{interval(within)}</small></div></div>'
        )

    return section(
        "Label by label",
        "Average precision from 0 to 1; the band is the candidate’s 95 % interval.",
        f'<div class="card"><div class="legend">{legend}</div><div class="plot">{"".join(rows)}</div></div>',
    )


def curves(evaluation: Evaluation) -> str:
    """Precision over recall, and how often scores come true."""
    precision = "".join(_precision_recall(evaluation, label) for label in evaluation["curves"])
    calibration = "".join(_reliability(evaluation, label) for label in evaluation["curves"])
    return section(
        "Precision and recall",
        "The circle is the threshold in use; the dashed line is what guessing would give.",
        f'<div class="charts">{precision}</div>',
    ) + section(
        "Does a score mean what it says?",
        "Of texts scored 0.7, seven in ten should be positive: points on the dashed line. "
        "The larger a point, the more rows it stands for.",
        f'<div class="charts">{calibration}</div>',
    )


def _precision_recall(evaluation: Evaluation, label: str) -> str:
    points = evaluation["curves"][label]["precision_recall"]
    if not points:
        return ""
    metrics, counts = evaluation["candidate"]["labels"][label], evaluation["confusion"][label]
    precision, recall = metrics["precision"], metrics["recall"]
    chosen = None if recall is None or precision is None else (recall, precision)

    positives = counts["true_positives"] + counts["false_negatives"]
    rows = positives + counts["false_positives"] + counts["true_negatives"]
    drawing = charts.precision_recall(f"Precision and recall of {label}", points, chosen, positives / max(1, rows))
    return _figure(label, f"precision {number(precision, 2)}, recall {number(recall, 2)}", drawing)


def _reliability(evaluation: Evaluation, label: str) -> str:
    points = evaluation["curves"][label]["reliability"]
    if not points:
        return ""
    error = evaluation["candidate"]["labels"][label]["expected_calibration_error"]
    return _figure(label, f"error {number(error)}", charts.reliability(f"Reliability of {label}", points))


def _figure(label: str, note: str, drawing: str) -> str:
    return f'<figure class="card chart"><figcaption>{escape(label)}<small>{note}</small></figcaption>{drawing}</figure>'


def confusion(evaluation: Evaluation) -> str:
    """How many test rows fall to each side."""
    rows = [
        f'<th scope="row">{escape(label)}</th><td>{counts["true_positives"]:,}</td>'
        f"<td>{counts['false_negatives']:,}</td><td>{counts['false_positives']:,}</td>"
        f"<td>{counts['true_negatives']:,}</td>"
        for label, counts in evaluation["confusion"].items()
    ]
    return section(
        "Decisions of the candidate",
        "Test rows by what they are and what was decided.",
        table(["Label", "True positives", "False negatives", "False positives", "True negatives"], rows),
    )
