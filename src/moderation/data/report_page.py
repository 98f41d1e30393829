"""The data report as one self-contained page: no script, no request to anywhere, no text of any row."""

from html import escape
from typing import Any

from contract.dataset.manifest import SPLITS
from moderation.pages.style import style

KINDS = {
    "broken_row": "Broken row or value of the wrong type",
    "missing_field": "Text or labels absent",
    "unknown_label": "Label that is not listed",
    "empty_text": "Empty text",
    "duplicate_id": "Id of another row",
    "duplicate_text": "Text of another row",
    "between_splits": "Nearly the same as rows in two splits",
    "not_utf8": "Not UTF-8",
}
MATRIX_LABELS = 12  # a larger matrix is a list of its largest cells
LISTED_PAIRS = 20
SHOWN_EXAMPLES = 3
PAGE_STYLE = """
:root { --bar: var(--candidate); --faint: var(--soft); }
.tile, .table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.faint { color: var(--faint); }
.lines { --track: min(30vw, 30rem); } .lines.narrow { --track: min(22vw, 16rem); }
.lines td:nth-child(2), .lines th:nth-child(2) { width: 100%; text-align: left; }
.lines td:nth-child(2) .bar { width: calc(var(--track) * var(--share)); min-width: 2px; background: var(--bar); }
td.heat { background: color-mix(in srgb, var(--bar) calc(100% * var(--share)), transparent); }
td.self { color: var(--faint); }
.wrap { white-space: normal; text-align: left !important; min-width: 16rem; overflow-wrap: anywhere; }
h2 + p { margin-bottom: .75rem; } .table + p { margin-top: .5rem; }
"""
LANGUAGES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "id": "Indonesian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}


def data_page(report: dict[str, Any]) -> str:
    """HTML of a data_report.json."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Data report</title><style>{style()}{PAGE_STYLE}</style></head><body><main>"
        f"<h1>Data report</h1><p>Source {escape(report['source'])}. {_demonstration(report)}</p>"
        f'<div class="tiles">{_tiles(report)}</div>'
        f"<h2>Splits</h2><p>{_history(report['previous'])}</p>{_splits(report)}"
        f"<h2>Labels</h2>{_labels(report)}"
        f"<h2>Labels together</h2>{_together(report)}"
        f"<h2>Length</h2>{_lengths(report['characters'])}"
        f"<h2>Language</h2>{_languages(report['languages'])}"
        f"<h2>Near-duplicates</h2><p>{_near(report['near_duplicates'])}</p>"
        f"<h2>Rows left out</h2>{_dropped(report)}"
        "</main></body></html>"
    )


def _demonstration(report: dict[str, Any]) -> str:
    if report["source"] != "demonstration":
        return ""
    return "These are made-up sentences: a model trained on them is not fit to moderate anything."


def _tiles(report: dict[str, Any]) -> str:
    rows, read = sum(report["rows"].values()), report["rows_read"]
    positives = {label: sum(counts["positives"].values()) for label, counts in report["labels"].items()}
    rarest = min(positives, key=lambda label: (positives[label], label))
    tiles = (
        ("Rows kept", f"{rows:,}", f"of {read:,} read"),
        ("Rows left out", _share(read - rows, read), f"{read - rows:,} rows, each counted below"),
        ("Clean rows", _share(report["clean_rows"], rows), f"{report['clean_rows']:,} without any label"),
        ("Rarest label", f"{positives[rarest]:,}", f"positive rows of {escape(rarest)}"),
    )
    return "".join(
        f'<div class="tile">{title}<b>{value}</b><span class="faint">{note}</span></div>'
        for title, value, note in tiles
    )


def _history(previous: dict[str, Any]) -> str:
    if previous["dataset_version"]:
        return (
            f"Rows of dataset {escape(previous['dataset_version'])} stayed in their splits, so that models are "
            "measured on the same rows as before; only new rows were distributed."
        )
    return f"All rows were split anew: of an earlier dataset, {escape(previous['ignored'])}."


def _splits(report: dict[str, Any]) -> str:
    total = sum(report["rows"].values())
    body = "".join(
        f"<tr><td>{split}</td><td>{report['rows'][split]:,}</td><td>{_share(report['rows'][split], total)}</td>"
        f"<td>{report['previous']['kept_rows'][split]:,}</td><td>{report['previous']['new_rows'][split]:,}</td></tr>"
        for split in SPLITS
    )
    return _table("<th>Split</th><th>Rows</th><th>Share</th><th>From before</th><th>New</th>", body)


def _labels(report: dict[str, Any]) -> str:
    highest = max(counts["prevalence"] for counts in report["labels"].values()) or 1
    body = "".join(
        f"<tr><td>{escape(label)}</td>"
        f"<td>{_bar(counts['prevalence'] / highest)}{100 * counts['prevalence']:.1f} %</td>"
        + "".join(f"<td>{counts['positives'][split]:,}</td>" for split in SPLITS)
        + f"<td>{counts['not_annotated']:,}</td></tr>"
        for label, counts in report["labels"].items()
    )
    head = "<th>Label</th><th>Prevalence</th><th>Train</th><th>Validation</th><th>Test</th><th>Not annotated</th>"
    return _table(head, body, "lines narrow")


def _together(report: dict[str, Any]) -> str:
    if not report["together"]:
        return "<p>No row has two labels.</p>"
    labels = list(report["labels"])
    positives = {label: sum(counts["positives"].values()) for label, counts in report["labels"].items()}
    pairs = {tuple(pair["labels"]): pair["rows"] for pair in report["together"]}
    if len(labels) > MATRIX_LABELS:
        largest = max(pairs.values())
        body = "".join(
            f"<tr><td>{escape(one)} + {escape(other)}</td><td>{_bar(rows / largest)}{rows:,}</td></tr>"
            for (one, other), rows in list(pairs.items())[:LISTED_PAIRS]
        )
        return _table("<th>Labels</th><th>Rows</th>", body, "lines")

    body = ""
    for one in labels:
        cells = ""
        for other in labels:
            share = (pairs.get((one, other)) or pairs.get((other, one)) or 0) / max(positives[one], 1)
            cells += (
                '<td class="self">–</td>'
                if one == other
                else f'<td class="heat" style="--share:{share:.2f}">{100 * share:.0f} %</td>'
            )
        body += f"<tr><td>{escape(one)}</td>{cells}</tr>"
    head = "<th>Rows with …</th>" + "".join(f"<th>{escape(label)}</th>" for label in labels)
    return _table(head, body) + '<p class="faint">The share of the positive rows of a line that has the column too.</p>'


def _lengths(characters: dict[str, Any]) -> str:
    histogram = characters["histogram"]
    highest = max(step["rows"] for step in histogram)
    body = "".join(
        f"<tr><td>{_range(step)}</td><td>{_bar(step['rows'] / highest)}{step['rows']:,}</td></tr>" for step in histogram
    )
    return (
        _table("<th>Characters</th><th>Rows</th>", body, "lines")
        + f'<p class="faint">Median {characters["median"]:,.0f}, 95 % have at most {characters["percentile_95"]:,}, '
        f"the longest {characters['maximum']:,} characters.</p>"
    )


def _range(step: dict[str, Any]) -> str:
    return f"{step['from']:,} or more" if step["below"] is None else f"{step['from']:,} to {step['below'] - 1:,}"


def _languages(languages: dict[str, Any]) -> str:
    shares = {**languages["guessed"], **({"others": languages["others"]} if languages["others"] else {})}
    highest = max(shares.values())
    body = "".join(
        f"<tr><td>{escape(LANGUAGES.get(name, name))}</td><td>{_bar(share / highest)}{100 * share:.1f} %</td></tr>"
        for name, share in shares.items()
    )
    note = f"Guessed from {languages['sampled_rows']:,} rows chosen at random; short texts are often guessed wrong."
    return _table("<th>Language</th><th>Share</th>", body, "lines") + f'<p class="faint">{note}</p>'


def _near(near: dict[str, Any]) -> str:
    if near["similarity"] is None:
        return "Nobody looked for them: data.near_duplicates is off."
    sentence = (
        f"{near['rows']:,} rows are nearly the same as another one (a similarity of {near['similarity']:g} or more), "
        f"in {near['clusters']:,} clusters of at most {near['largest_cluster']:,} rows. Each cluster is in one split."
    )
    if near["loosened_rows"]:
        sentence += (
            f" {near['loosened_rows']:,} rows come from templates that fill the data: their clusters were too large "
            "for one split and are held together by a higher similarity only."
        )
    return sentence


def _dropped(report: dict[str, Any]) -> str:
    if not report["dropped"]:
        return "<p>None.</p>"
    body = "".join(
        f"<tr><td>{escape(KINDS.get(kind, kind))}</td><td>{rows['count']:,}</td>"
        f'<td class="wrap">{"<br>".join(escape(line) for line in rows["examples"][:SHOWN_EXAMPLES])}</td></tr>'
        for kind, rows in report["dropped"].items()
    )
    conflicts = report["duplicates_with_other_labels"]
    note = f'<p class="faint">{conflicts:,} duplicated texts had other labels than the row that stayed.</p>'
    return _table('<th>Reason</th><th>Rows</th><th class="wrap">For example</th>', body) + (note if conflicts else "")


def _table(head: str, body: str, kind: str = "") -> str:
    return f'<div class="table"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _bar(share: float) -> str:
    return f'<span class="bar" style="--share:{share:.3f}"></span>'


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"
