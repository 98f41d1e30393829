"""The evaluation as one self-contained page: no script, no request to anywhere, no text unless it was asked for."""

from collections.abc import Mapping
from html import escape
from typing import Any

from contract.evaluation.document import HEADLINE, LEAST_POSITIVES, LEAST_ROWS
from contract.evaluation.vocabulary import (
    EVASION_NAMES,
    LABEL_METRIC_NAMES,
    METRIC_NAMES,
    SLICE_NAMES,
    SYSTEM_NAMES,
    SYSTEMS_IN_SENTENCES,
)
from moderation.pages.style import style
from moderation.report import charts

SIGNIFICANCE = 0.05  # as in the gate
ROUGH_POSITIVES = 30  # below it, an interval is too wide to lean on one label's figure
MANY_FALSE_ALARMS = 200  # of 1,000 clean texts: a person would have to look at every fifth
SHOWN_CHARACTERS = 300


def report_page(evaluation: dict[str, Any], texts: Mapping[str, str] | None = None) -> str:
    """HTML of an evaluation.json (schema 2); texts: those of the worst mistakes to show, by id."""
    sections = (
        _hero(evaluation),
        _tiles(evaluation),
        _points(evaluation),
        _comparisons(evaluation),
        _labels(evaluation),
        _curves(evaluation),
        _confusion(evaluation),
        _slices(evaluation),
        _behaviour(evaluation),
        _evasion(evaluation),
        _mistakes(evaluation, texts or {}),
        _all_figures(evaluation),
        _footer(evaluation),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model evaluation</title><style>{style()}</style></head><body><main>"
        f"{''.join(sections)}</main></body></html>"
    )


def tone(comparison: Mapping[str, float | None]) -> str:
    """`better` or `worse` where chance does not explain it, with all labels in view; otherwise `even`."""
    if comparison["difference"] is None:
        return "even"
    if comparison["p_worse"] < SIGNIFICANCE:
        return "worse"
    return "better" if comparison["p_better"] < SIGNIFICANCE else "even"


def reading(comparison: Mapping[str, float | None]) -> str:
    """The tone for people: an interval that leaves 0 out without being proof, as its positive rows are few or the
    labels many, must not stand beside "no clear difference"."""
    kind = tone(comparison)
    if kind != "even":
        return kind
    if comparison["low"] is not None and comparison["low"] > 0:
        return "leans better"
    if comparison["high"] is not None and comparison["high"] < 0:
        return "leans worse"
    return "no clear difference"


def verdict(evaluation: Mapping[str, Any]) -> tuple[str, str]:
    """Tone and headline: against the live model, or on a first run against the stronger of the baselines."""
    compared = {name: found[HEADLINE] for name, found in evaluation["comparison"].items() if found}
    if "champion" in compared:
        kind = tone(compared["champion"])
        words = {
            "better": "Better than the live model",
            "worse": "Worse than the live model",
            "even": "No clear difference from the live model",
        }
        return kind, words[kind]
    tones = {name: tone(found) for name, found in compared.items()}
    if "worse" in tones.values():
        worse = " and ".join(SYSTEMS_IN_SENTENCES[name] for name, kind in tones.items() if kind == "worse")
        return "worse", f"First model: worse than {worse}"
    if set(tones.values()) == {"better"}:
        return "better", f"First model: better than {' and '.join(SYSTEMS_IN_SENTENCES[name] for name in tones)}"
    even = " or ".join(SYSTEMS_IN_SENTENCES[name] for name, kind in tones.items() if kind == "even")
    return "even", f"First model: not clearly better than {even}"


def points_to_know(evaluation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tone and sentence of what somebody must know before deciding, gravest first."""
    points = []
    for name, found in evaluation["comparison"].items():
        if found:
            for kind in ("worse", "better"):
                labels = [label for label, item in found["labels"].items() if tone(item) == kind]
                if labels:
                    points.append((kind, f"Clearly {kind} than {SYSTEMS_IN_SENTENCES[name]} for {', '.join(labels)}."))
    if evaluation["labels_dropped"]:
        dropped = ", ".join(evaluation["labels_dropped"])
        points.append(("worse", f"No longer knows what the live model knows: {dropped}."))
    if evaluation["champion_left_out"]:
        points.append(("even", f"The live model is not compared: {evaluation['champion_left_out']}."))
    elif not evaluation["champion"]:
        points.append(("even", "There is no live model to compare with."))
    elif len(known := evaluation["champion"]["labels"]) < len(evaluation["labels"]) or evaluation["labels_dropped"]:
        points.append(
            ("even", f"What is shown of the live model is over the labels that both know: {', '.join(known)}.")
        )
    failing = [
        f"{_plain(name)} ({found['passed']} of {found['cases']})"
        for name, found in _known(evaluation["behaviour"]["candidate"], "share")
        if found["share"] < 0.5
    ]
    if failing:
        points.append(("worse", f"Passes fewer than half of the functional cases in: {', '.join(failing)}."))
    for name, found in _known(evaluation["evasion"]["candidate"], "kept"):
        if found["kept"] < 0.8:
            told = f"{EVASION_NAMES.get(name, _plain(name))}: only {found['kept']:.0%} of what it finds is still found."
            points.append(("worse", told))
    identity = evaluation["slices"]["candidate"]["identity"]
    rate = evaluation["candidate"]["metrics"]["false_positives_per_1000_clean"]
    if rate is not None and rate > MANY_FALSE_ALARMS:
        points.append(("worse", f"Flags {rate:.0f} of 1,000 clean texts."))
    for name, found in _known(identity, "false_positive_rate"):
        if rate is not None and found["false_positive_rate"] * 1000 > max(2 * rate, 50):
            told = (
                f"Clean texts that name the group “{name}” are flagged {found['false_positive_rate'] * 1000:.0f} times "
                f"in 1,000, against {rate:.0f} for all clean texts."
            )
            points.append(("worse", told))
    rare = [
        f"{label} ({found['positives']})"
        for label, found in evaluation["candidate"]["labels"].items()
        if found["positives"] < ROUGH_POSITIVES
    ]
    if rare:
        points.append(("even", f"Few positive test rows, so that figures are rough: {', '.join(rare)}."))
    order = ("worse", "better", "even")
    return sorted(points, key=lambda point: order.index(point[0]))


def _known(found: Mapping[str, Any] | None, key: str) -> list[tuple[str, Any]]:
    kept = [(name, item) for name, item in (found or {}).items() if item[key] is not None]
    return sorted(kept, key=lambda pair: pair[1][key])


def _hero(evaluation: dict[str, Any]) -> str:
    kind, headline = verdict(evaluation)
    value = evaluation["candidate"]["metrics"][HEADLINE]
    within = evaluation["candidate"]["intervals"][HEADLINE]
    told = f"Macro average precision is <b>{_number(value)}</b>, with 95 % certainty {_range(within)}."
    against = " ".join(
        f"Against {SYSTEMS_IN_SENTENCES[name]}: {_signed(found[HEADLINE]['difference'])} "
        f"({_range(found[HEADLINE], signed=True)}), {reading(found[HEADLINE])}."
        for name, found in evaluation["comparison"].items()
        if found
    )
    rows = evaluation["rows"]
    return (
        f'<p class="kicker">Model evaluation</p><section class="card hero {kind}"><h1>{escape(headline)}</h1>'
        f"<p>{told} {against}</p>"
        f'<p class="soft">{rows["test"]:,} test rows of dataset {escape(evaluation["dataset_version"])}, the same for '
        f"every system; thresholds chosen on {rows['validation']:,} validation rows, decision policy "
        f"{escape(evaluation['policy_id'])}.</p></section>"
    )


def _tiles(evaluation: dict[str, Any]) -> str:
    def tile(name: str, value: str, note: str) -> str:
        return f'<div class="card tile"><span>{name}</span><b>{value}</b><span>{note}</span></div>'

    metrics, champion = evaluation["candidate"]["metrics"], evaluation["champion"]
    other = "champion" if champion else "baseline"

    def against(metric: str, digits: int = 3) -> str:
        return f"{_number(evaluation[other]['metrics'][metric], digits)} {SYSTEM_NAMES[other]}"

    kept = _known(evaluation["evasion"]["candidate"], "kept")
    groups = evaluation["behaviour"]["candidate"].values()
    cases, passed = sum(group["cases"] for group in groups), sum(group["passed"] for group in groups)
    latency = evaluation["latency"]["candidate"]
    alarms = "false_positives_per_1000_clean"
    tiles = [
        tile("Macro F1 at the thresholds", _number(metrics["macro_f1"]), against("macro_f1")),
        tile("False alarms per 1,000 clean", _number(metrics[alarms], 1), against(alarms, 1)),
        tile("Functional cases passed", f"{passed / cases:.0%}" if cases else "–", f"{passed} of {cases}"),
        tile(
            "Kept under the worst disguise",
            f"{kept[0][1]['kept']:.0%}" if kept else "–",
            EVASION_NAMES.get(kept[0][0], _plain(kept[0][0])) if kept else "no hit on plain text",
        ),
        tile(
            "Answer time, 95th percentile",
            f"{latency['p95_milliseconds']:.0f} ms",
            f"{latency['texts_per_second']:.0f} texts a second",
        ),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _points(evaluation: dict[str, Any]) -> str:
    items = "".join(f'<li class="{kind}">{escape(told)}</li>' for kind, told in points_to_know(evaluation))
    return f'<h2>What to know before deciding</h2><ul class="points">{items}</ul>' if items else ""


def _comparisons(evaluation: dict[str, Any]) -> str:
    found = {name: item for name, item in evaluation["comparison"].items() if item}
    reach = _reach([item[HEADLINE] for item in found.values()])
    rows = "".join(
        _difference(f"Against {SYSTEMS_IN_SENTENCES[name]}", "", item[HEADLINE], reach) for name, item in found.items()
    )
    page = (
        "<h2>How sure are we?</h2>"
        '<p class="note">Macro average precision, candidate minus the other, on the same rows. The band holds 95 % of '
        "1,000 resamples of the test rows: where it crosses the dashed line, the difference may be chance. Of many "
        "labels some bands miss the line by chance, and few positive rows make a band too narrow: better and worse are "
        "said only where neither explains it, otherwise it leans.</p>"
        f'<div class="card"><div class="plot">{rows}</div></div>'
    )
    name = "champion" if "champion" in found else "baseline"
    by_label, flips = found[name]["labels"], found[name]["flips"]
    reach = _reach(by_label.values())
    rows = "".join(
        _difference(label, f"{flips[label]:.1%} of decisions change" if label in flips else "", by_label[label], reach)
        for label in by_label
    )
    return (
        f'{page}<h3>Each label, against {SYSTEMS_IN_SENTENCES[name]}</h3><div class="card"><div class="plot">{rows}'
        "</div></div>"
    )


def _reach(found: Any) -> float:
    ends = [abs(item[end]) for item in found for end in ("low", "high") if item[end] is not None]
    return max([*ends, 0.01])


def _difference(name: str, remark: str, found: dict[str, float | None], reach: float) -> str:
    kind = tone(found)
    if found["difference"] is None or found["low"] is None:
        track, numbers = "<div></div>", '<span class="soft">not known</span>'
    else:
        track = charts.difference_track(found["difference"], found["low"], found["high"], reach)
        numbers = (
            f'{_signed(found["difference"])} <span class="pill">{reading(found)}</span>'
            f"<small>{_range(found, signed=True)}</small>"
        )
    small = f"<small>{escape(remark)}</small>" if remark else ""
    return (
        f'<div class="row {kind}"><div class="name">{escape(name)}{small}</div>{track}'
        f'<div class="numbers">{numbers}</div></div>'
    )


def _present(evaluation: dict[str, Any]) -> dict[str, str]:
    return {name: title for name, title in SYSTEM_NAMES.items() if evaluation[name]}


def _labels(evaluation: dict[str, Any]) -> str:
    systems = _present(evaluation)
    legend = "".join(f'<span><i class="dot {name}"></i>{title}</span>' for name, title in systems.items())
    rows = []
    for label, found in evaluation["candidate"]["labels"].items():
        values = {name: evaluation[name]["labels"].get(label, {}).get("average_precision") for name in systems}
        within = found["intervals"]["average_precision"]
        rows.append(
            f'<div class="row"><div class="name">{escape(label)}<small>{found["positives"]:,} positive rows</small>'
            "</div>"
            f"{charts.value_track(values, within['low'], within['high'])}"
            f'<div class="numbers">{_number(found["average_precision"])}<small>{_range(within)}</small></div></div>'
        )
    return (
        "<h2>Label by label</h2>"
        '<p class="note">Average precision from 0 to 1; the band is the candidate’s 95 % interval.</p>'
        f'<div class="card"><div class="legend">{legend}</div><div class="plot">{"".join(rows)}</div></div>'
    )


def _curves(evaluation: dict[str, Any]) -> str:
    precision, calibration = [], []
    for label, curves in evaluation["curves"].items():
        found = evaluation["candidate"]["labels"][label]
        counts = evaluation["confusion"][label]
        positives = counts["true_positives"] + counts["false_negatives"]
        if curves["precision_recall"]:
            chosen = None if found["recall"] is None else (found["recall"], found["precision"])
            drawing = charts.precision_recall(
                f"Precision and recall of {label}",
                curves["precision_recall"],
                chosen,
                positives / max(1, sum(counts.values())),
            )
            note = f"precision {_number(found['precision'], 2)}, recall {_number(found['recall'], 2)}"
            precision.append(_figure(label, note, drawing))
        if curves["reliability"]:
            drawing = charts.reliability(f"Reliability of {label}", curves["reliability"])
            calibration.append(_figure(label, f"error {_number(found['expected_calibration_error'])}", drawing))
    return (
        "<h2>Precision and recall</h2>"
        '<p class="note">The circle is the threshold in use; the dashed line is what guessing would give.</p>'
        f'<div class="charts">{"".join(precision)}</div>'
        "<h2>Does a score mean what it says?</h2>"
        '<p class="note">Of texts scored 0.7, seven in ten should be positive: points on the dashed line. '
        "The larger a point, the more rows it stands for.</p>"
        f'<div class="charts">{"".join(calibration)}</div>'
    )


def _figure(label: str, note: str, drawing: str) -> str:
    return f'<figure class="card chart"><figcaption>{escape(label)}<small>{note}</small></figcaption>{drawing}</figure>'


def _confusion(evaluation: dict[str, Any]) -> str:
    rows = [
        f'<th scope="row">{escape(label)}</th><td>{counts["true_positives"]:,}</td>'
        f"<td>{counts['false_negatives']:,}</td><td>{counts['false_positives']:,}</td>"
        f"<td>{counts['true_negatives']:,}</td>"
        for label, counts in evaluation["confusion"].items()
    ]
    return (
        "<h2>Decisions of the candidate</h2>"
        '<p class="note">Test rows by what they are and what was decided.</p>'
        + _table(["Label", "Found", "Missed", "False alarms", "Rightly left"], rows)
    )


def _slices(evaluation: dict[str, Any]) -> str:
    page = (
        "<h2>Whom does it serve worse?</h2>"
        f'<p class="note">Parts of the test rows. Figures need {LEAST_ROWS} rows and {LEAST_POSITIVES} positives. '
        "Average precision rises with the share of positives: compare systems within a part rather than parts. "
        "AUC among: abuse against clean texts that both name the group. AUC clean: its clean texts against abuse "
        "elsewhere; low where the name alone raises scores. AUC abuse: its abuse against clean texts elsewhere; low "
        "where the abuse is overlooked.</p>"
    )
    theirs = evaluation["slices"]["champion"]
    for kind, title in SLICE_NAMES.items():
        found = evaluation["slices"]["candidate"][kind]
        large = {name: item for name, item in found.items() if item["rows"] >= LEAST_ROWS}
        aucs = {"subgroup_auc": "AUC among", "bpsn_auc": "AUC clean", "bnsp_auc": "AUC abuse"}
        keys = {
            HEADLINE: "Average precision",
            "macro_f1": "F1",
            "false_positive_rate": "False alarms",
            **(aucs if kind == "identity" else {}),
        }
        heads = [title, "Rows", "Positive", *keys.values(), *(["Live: false alarms"] if theirs else [])]
        rows = [
            f'<th scope="row">{escape(name)}</th><td>{item["rows"]:,}</td><td>{item["positives"]:,}</td>'
            + "".join(
                f"<td>{_share(item[key]) if key == 'false_positive_rate' else _number(item[key], 2)}</td>"
                for key in keys
            )
            + (f"<td>{_share(theirs[kind][name]['false_positive_rate'])}</td>" if theirs else "")
            for name, item in large.items()
        ]
        page += f"<h3>{title}</h3>"
        page += _table(heads, rows) if rows else '<p class="soft">None has enough rows.</p>'
        if small := [name for name in found if name not in large]:
            page += f'<p class="note">Fewer than {LEAST_ROWS} rows: {escape(", ".join(small))}.</p>'
    return page


def _behaviour(evaluation: dict[str, Any]) -> str:
    ours, theirs = evaluation["behaviour"]["candidate"], evaluation["behaviour"]["champion"]
    rows = [
        f'<th scope="row">{escape(_plain(name))}</th><td>{charts.bar(found["share"])}'
        f"{found['passed']} of {found['cases']}</td>" + (f"<td>{_passed(theirs.get(name))}</td>" if theirs else "")
        for name, found in ours.items()
    ]
    heads = ["Group", "Candidate passes", *(["Live model passes"] if theirs else [])]
    note = (
        "Short texts with a known answer, each group a test of one ability: abuse must be flagged, and what only looks "
        "like it must not."
    )
    body = _table(heads, rows) if rows else '<p class="soft">No case fits these labels.</p>'
    return f'<h2>Functional cases</h2><p class="note">{note}</p>{body}'


def _passed(found: dict[str, Any] | None) -> str:
    if not found:
        return "–"
    return f"{charts.bar(found['share'], 'champion')}{found['passed']} of {found['cases']}"


def _evasion(evaluation: dict[str, Any]) -> str:
    ours, theirs = evaluation["evasion"]["candidate"], evaluation["evasion"]["champion"]
    rows = [
        f'<th scope="row">{EVASION_NAMES.get(kind, escape(kind))}</th><td>{_share(found["recall_clean"])}</td>'
        f"<td>{_share(found['recall_evaded'])}</td><td>{charts.bar(found['kept'])}{_share(found['kept'])}</td>"
        + (f"<td>{charts.bar(theirs[kind]['kept'], 'champion')}{_share(theirs[kind]['kept'])}</td>" if theirs else "")
        for kind, found in ours.items()
    ]
    heads = ["Disguise", "Found plain", "Found disguised", "Kept", *(["Live model keeps"] if theirs else [])]
    count = next(iter(ours.values()))["rows"]
    return (
        "<h2>Can it be evaded?</h2>"
        f'<p class="note">{count:,} positive test rows, written so that a reader still understands them.</p>'
        + _table(heads, rows)
    )


def _mistakes(evaluation: dict[str, Any], texts: Mapping[str, str]) -> str:
    rows = []
    for item in evaluation["worst_mistakes"]:
        kind = "missed" if item["truth"] else "false alarm"
        text = texts.get(item["id"], "")
        shown = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
        cell = f'<td class="text">{escape(shown)}</td>' if texts else ""
        rows.append(
            f"<td><code>{escape(item['id'])}</code></td><td>{escape(item['label'])}</td><td>{kind}</td>"
            f"<td>{item['score']:.3f}</td>{cell}"
        )
    body = _table(["Row", "Label", "Mistake", "Score", *(["Text"] if texts else [])], rows)
    return (
        "<h2>Worst mistakes</h2>"
        '<p class="note">The surest wrong decisions of each label, as row ids of the test split'
        f"{'' if texts else '; evaluation.show_texts in moderation.yaml shows the texts'}. "
        "A mistake may be the annotators’.</p>" + (body if rows else '<p class="soft">None.</p>')
    )


def _all_figures(evaluation: dict[str, Any]) -> str:
    systems = _present(evaluation)
    rows = [
        f'<th scope="row">{title}</th>'
        + "".join(
            f"<td>{_number(evaluation[name]['metrics'][metric], 1 if 'per_1000' in metric else 3)}</td>"
            for name in systems
        )
        for metric, title in METRIC_NAMES.items()
    ]
    page = "<h2>All figures</h2>" + _table(["All labels", *systems.values()], rows)
    timed = {name: found for name, found in evaluation["latency"].items() if found}
    page += "<h3>Answer times</h3>" + _table(
        ["One text", "Median", "95th percentile", "Texts a second, 64 at once"],
        [
            f'<th scope="row">{SYSTEM_NAMES[name]}</th><td>{found["p50_milliseconds"]:.1f} ms</td>'
            f"<td>{found['p95_milliseconds']:.1f} ms</td><td>{found['texts_per_second']:.0f}</td>"
            for name, found in timed.items()
        ],
    )
    for label in evaluation["labels"]:
        rows = [
            f'<th scope="row">{title}</th>'
            + "".join(f"<td>{_number(evaluation[name]['labels'][label][key])}</td>" for key in LABEL_METRIC_NAMES)
            for name, title in systems.items()
            if label in evaluation[name]["labels"]
        ]
        page += f"<h3>{escape(label)}</h3>" + _table(["System", *LABEL_METRIC_NAMES.values()], rows)
    return page


def _footer(evaluation: dict[str, Any]) -> str:
    spent = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in evaluation["seconds"].items())
    return (
        "<footer><p>Average precision is the area under the precision-recall curve; macro is the mean over labels. "
        "Whether the candidate may go live is the gate’s decision and then a person’s; this page is the evidence.</p>"
        f"<p>Time spent: {spent}.</p></footer>"
    )


def _table(heads: list[str], rows: list[str]) -> str:
    head = "".join(f"<th>{title}</th>" for title in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="card table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _range(found: Mapping[str, float | None], signed: bool = False) -> str:
    if found["low"] is None:
        return "not known"
    shown = _signed if signed else _number
    return f"{shown(found['low'])} to {shown(found['high'])}"
