"""The evaluation as one self-contained page: no script, no request to anywhere, no text of any row."""

from html import escape
from typing import Any

METRICS = {
    "macro_average_precision": "Macro average precision",
    "macro_auroc": "Macro AUROC",
    "macro_f1": "Macro F1",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "micro_average_precision": "Micro average precision",
    "micro_f1": "Micro F1",
}
COLUMNS = {
    "average_precision": "Average precision",
    "auroc": "AUROC",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "threshold": "Threshold",
}
SYSTEMS = {"candidate": "Candidate", "champion": "Champion (live)", "baseline": "TF-IDF baseline"}
STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --faint: #667085; --line: #e4e7ec; --page: #f7f8fa; --card: #fff;
  --good: #067647; --bad: #b42318; --bar: #3b6fd4; --bar2: #98a2b3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --faint: #98a2b3; --line: #2c3444; --page: #12161f;
  --card: #1a202c; --good: #47cd89; --bad: #f97066; --bar: #6f9bef; --bar2: #667085; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p, .faint { color: var(--faint); margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 1rem; margin-top: 1.5rem; }
.tile, .table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 1rem 1.25rem; } .tile b { display: block; font-size: 1.9rem; line-height: 1.3; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .8rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-weight: 600; font-size: .85rem; color: var(--faint); }
th:first-child, td:first-child { text-align: left; } tbody.label tr:first-child th { font-weight: 700; }
tbody.label tr + tr th { font-weight: 400; color: var(--faint); padding-left: 1.8rem; }
tbody.label tr + tr td { border-top: 0; color: var(--faint); } tbody.label tr + tr th { border-top: 0; }
.bar { display: inline-block; vertical-align: middle; height: .5rem; border-radius: 99px; background: var(--bar2);
  margin-right: .5rem; } tr.candidate .bar { background: var(--bar); }
.better { color: var(--good); } .worse { color: var(--bad); }
"""


def report_page(evaluation: dict[str, Any], texts: dict[str, str] | None = None) -> str:
    """HTML of an evaluation.json (schema 1)."""
    rows = evaluation["rows"]
    systems = {name: title for name, title in SYSTEMS.items() if evaluation[name]}
    tiles = "".join(_tile(evaluation, name) for name in ("macro_average_precision", "macro_auroc", "macro_f1"))
    champion = (
        ""
        if evaluation["champion"]
        else "<p>There is no live model with these labels to compare the candidate with.</p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model evaluation</title><style>{STYLE}</style></head><body><main>"
        "<h1>Model evaluation</h1>"
        f"<p>Dataset {escape(evaluation['dataset_version'])}, {rows['test']:,} test rows. Thresholds were chosen on "
        f"{rows['validation']:,} validation rows; decision policy {escape(evaluation['policy_id'])}.</p>{champion}"
        f'<div class="tiles">{tiles}</div>'
        f"<h2>All labels together</h2>{_summary(evaluation, systems)}"
        f"<h2>Label by label</h2>{_labels(evaluation, systems)}"
        f"{_comparison(evaluation)}</main></body></html>"
    )


def _tile(evaluation: dict[str, Any], metric: str) -> str:
    value = evaluation["candidate"]["metrics"][metric]
    against = " · ".join(
        f"{_number(evaluation[name]['metrics'][metric])} {title.lower()}"
        for name, title in SYSTEMS.items()
        if name != "candidate" and evaluation[name]
    )
    return f'<div class="tile">{METRICS[metric]}<b>{_number(value)}</b><span class="faint">{against}</span></div>'


def _summary(evaluation: dict[str, Any], systems: dict[str, str]) -> str:
    head = "".join(f"<th>{title}</th>" for title in systems.values())
    body = "".join(
        f"<tr><td>{title}</td>"
        + "".join(f"<td>{_number(evaluation[name]['metrics'][metric])}</td>" for name in systems)
        + "</tr>"
        for metric, title in METRICS.items()
    )
    return f'<div class="table"><table><thead><tr><th>Metric</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _labels(evaluation: dict[str, Any], systems: dict[str, str]) -> str:
    head = "".join(f"<th>{title}</th>" for title in COLUMNS.values())
    bodies = []
    for label in evaluation["labels"]:
        lines = []
        for name, title in systems.items():
            found = evaluation[name]["labels"].get(label)
            if found:
                positives = f'<span class="faint"> · {found["positives"]} positive</span>'
                first = f"{escape(label)}{positives}" if name == "candidate" else title
                cells = "".join(_cell(column, found[column]) for column in COLUMNS)
                lines.append(f'<tr class="{name}"><th scope="row">{first}</th>{cells}</tr>')
        bodies.append(f'<tbody class="label">{"".join(lines)}</tbody>')
    return (
        f'<div class="table"><table><thead><tr><th>Label</th>{head}</tr></thead>{"".join(bodies)}</table></div>'
        '<p class="faint">The first line of each label is the candidate.</p>'
    )


def _cell(column: str, value: float | None) -> str:
    bar = (
        f'<span class="bar" style="width:{60 * value:.0f}px"></span>' if column == "average_precision" and value else ""
    )
    return f"<td>{bar}{_number(value)}</td>"


def _comparison(evaluation: dict[str, Any]) -> str:
    comparison = evaluation["comparison"]["champion"]
    if not comparison:
        return ""
    lines = {"All labels (macro)": comparison["macro_average_precision"], **comparison["labels"]}
    body = "".join(
        f"<tr><td>{escape(label)}</td><td>{_signed(found['difference'])}</td>"
        f"<td>{_signed(found['low'])} to {_signed(found['high'])}</td>{_verdict(found)}</tr>"
        for label, found in lines.items()
    )
    return (
        "<h2>Candidate minus champion</h2>"
        '<div class="table"><table><thead><tr><th>Average precision</th><th>Difference</th><th>95 % interval</th>'
        f"<th>Reading</th></tr></thead><tbody>{body}</tbody></table></div>"
        '<p class="faint">Paired bootstrap over the same test rows; an interval across zero is noise.</p>'
    )


def _verdict(found: dict[str, float | None]) -> str:
    if found["difference"] is None:
        return "<td>not known</td>"
    if found["low"] > 0:
        return '<td class="better">better</td>'
    if found["high"] < 0:
        return '<td class="worse">worse</td>'
    return "<td>no clear difference</td>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"
