"""The start of the report: headline, main figures, what to know before deciding, how sure the differences are."""

from collections.abc import Iterable
from html import escape

from contract.evaluation.document import HEADLINE, Difference, Evaluation, MetricName, OtherSystem
from contract.evaluation.vocabulary import METRIC_NAMES, SYSTEM_NAMES, SYSTEMS_IN_SENTENCES
from moderation.report import charts
from moderation.report.elements import section
from moderation.report.verdict import ascending, compared, points_to_know, reading, tone, verdict
from moderation.report.words import evasion_name, interval, number, signed, signed_interval

SMALLEST_REACH = 0.01  # of the axis of differences, to each side


def hero(evaluation: Evaluation) -> str:
    """The verdict and the headline figure."""
    kind, headline = verdict(evaluation)
    value = evaluation["candidate"]["metrics"][HEADLINE]
    within = evaluation["candidate"]["intervals"][HEADLINE]
    figure = f"{METRIC_NAMES[HEADLINE]} is <b>{number(value)}</b>, with 95 % certainty {interval(within)}."
    against = " ".join(
        f"Against {SYSTEMS_IN_SENTENCES[name]}: {signed(item[HEADLINE]['difference'])} "
        f"({signed_interval(item[HEADLINE])}), {reading(item[HEADLINE])}."
        for name, item in compared(evaluation).items()
    )
    rows = evaluation["rows"]
    return (
        f'<p class="kicker">Model evaluation</p><section class="card hero {kind}"><h1>{escape(headline)}</h1>'
        f"<p>{figure} {against}</p>"
        f'<p class="soft">{rows["test"]:,} test rows of dataset {escape(evaluation["dataset_version"])}, the same for '
        f"every system; thresholds chosen on {rows['validation']:,} validation rows, decision policy "
        f"{escape(evaluation['policy_id'])}.</p></section>"
    )


def tiles(evaluation: Evaluation) -> str:
    """The figures that say most, beside those of the live model or of the baseline."""
    groups = evaluation["behaviour"]["candidate"].values()
    cases, passed = sum(group["cases"] for group in groups), sum(group["passed"] for group in groups)
    kept = ascending({name: kind["kept"] for name, kind in evaluation["evasion"]["candidate"].items()})
    latency = evaluation["latency"]["candidate"]

    return (
        f'<div class="tiles">{_metric_tile(evaluation, "macro_f1", 3)}'
        f"{_metric_tile(evaluation, 'false_positives_per_1000_clean', 1)}"
        f"{_tile('Behaviour cases passed', f'{passed / cases:.0%}' if cases else '–', f'{passed} of {cases}')}"
        + _tile(
            "Recall kept under the worst evasion",
            f"{kept[0][1]:.0%}" if kept else "–",
            escape(evasion_name(kept[0][0])) if kept else "no hit on plain text",
        )
        + _tile(
            "Answer time, 95th percentile",
            f"{latency['p95_milliseconds']:.0f} ms",
            f"{latency['texts_per_second']:.0f} texts a second",
        )
        + "</div>"
    )


def _metric_tile(evaluation: Evaluation, metric: MetricName, digits: int) -> str:
    candidate, champion = evaluation["candidate"], evaluation["champion"]
    name: OtherSystem = "champion" if champion else "baseline"
    other = champion or evaluation["baseline"]
    note = f"{number(other['metrics'][metric], digits)} {SYSTEM_NAMES[name]}"
    return _tile(METRIC_NAMES[metric], number(candidate["metrics"][metric], digits), note)


def _tile(name: str, value: str, note: str) -> str:
    return f'<div class="card tile"><span>{name}</span><b>{value}</b><span>{note}</span></div>'


def points(evaluation: Evaluation) -> str:
    """What to know before deciding."""
    items = "".join(f'<li class="{kind}">{escape(sentence)}</li>' for kind, sentence in points_to_know(evaluation))
    return f'<h2>What to know before deciding</h2><ul class="points">{items}</ul>' if items else ""


def comparisons(evaluation: Evaluation) -> str:
    """How sure the differences are, overall and label by label."""
    items = compared(evaluation)
    reach = _reach(item[HEADLINE] for item in items.values())
    rows = "".join(
        _difference(f"Against {SYSTEMS_IN_SENTENCES[name]}", "", item[HEADLINE], reach) for name, item in items.items()
    )
    note = (
        "Macro average precision, candidate minus the other, on the same rows. The band holds 95 % of "
        "1,000 resamples of the test rows: where it crosses the dashed line, the difference may be chance. Of many "
        "labels some bands miss the line by chance, and few positive rows make a band too narrow: better and worse are "
        "said only where neither explains it, otherwise it leans."
    )
    overall = section("How sure are we?", note, f'<div class="card"><div class="plot">{rows}</div></div>')
    return overall + _by_label(evaluation)


def _by_label(evaluation: Evaluation) -> str:
    items = compared(evaluation)
    name: OtherSystem = "champion" if "champion" in items else "baseline"
    by_label, flips = items[name]["labels"], items[name]["flips"]
    reach = _reach(by_label.values())
    rows = "".join(
        _difference(label, f"{flips[label]:.1%} of decisions change" if label in flips else "", by_label[label], reach)
        for label in by_label
    )
    return (
        f'<h3>Each label, against {SYSTEMS_IN_SENTENCES[name]}</h3><div class="card"><div class="plot">{rows}'
        "</div></div>"
    )


def _reach(differences: Iterable[Difference]) -> float:
    """How far the axis of some differences goes to each side."""
    ends = [end for item in differences for end in (item["low"], item["high"]) if end is not None]
    return max([*map(abs, ends), SMALLEST_REACH])


def _difference(name: str, remark: str, difference: Difference, reach: float) -> str:
    value, low, high = difference["difference"], difference["low"], difference["high"]
    if value is None or low is None or high is None:
        track, numbers = "<div></div>", '<span class="soft">not known</span>'
    else:
        track = charts.difference_track(value, low, high, reach)
        numbers = (
            f'{signed(value)} <span class="pill">{reading(difference)}</span>'
            f"<small>{signed_interval(difference)}</small>"
        )
    small = f"<small>{escape(remark)}</small>" if remark else ""
    return (
        f'<div class="row {tone(difference)}"><div class="name">{escape(name)}{small}</div>{track}'
        f'<div class="numbers">{numbers}</div></div>'
    )
