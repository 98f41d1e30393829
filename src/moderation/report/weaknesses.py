"""Where the models do worse: parts of the test rows, behaviour cases, evasion, and the worst mistakes."""

from collections.abc import Mapping
from html import escape

from contract.evaluation.document import (
    LEAST_POSITIVES,
    LEAST_ROWS,
    BehaviourGroup,
    Evaluation,
    EvasionKind,
    Slice,
    SliceKind,
)
from contract.evaluation.vocabulary import SLICE_NAMES
from moderation.report import charts
from moderation.report.elements import nothing, section, table
from moderation.report.words import evasion_name, number, plain, share

SHOWN_CHARACTERS = 300
AUC_NAMES = ("Subgroup AUC", "BPSN AUC", "BNSP AUC")


def slices(evaluation: Evaluation) -> str:
    """Figures of parts of the test rows."""
    note = (
        f"Figures need {LEAST_ROWS} rows and {LEAST_POSITIVES} positives. "
        "Average precision rises with the share of positives: compare systems within a part rather than parts. "
        "Subgroup AUC: abuse against clean texts that both name the group. BPSN AUC: its clean texts against abuse "
        "elsewhere; low where the name alone raises scores. BNSP AUC: its abuse against clean texts elsewhere; low "
        "where the abuse is overlooked."
    )
    return section("Parts of the test rows", note, "".join(_slices_of(evaluation, kind) for kind in SLICE_NAMES))


def _slices_of(evaluation: Evaluation, kind: SliceKind) -> str:
    candidate, champion = evaluation["slices"]["candidate"][kind], evaluation["slices"]["champion"]
    large = {name: part for name, part in candidate.items() if part["rows"] >= LEAST_ROWS}
    small = [name for name, part in candidate.items() if part["rows"] < LEAST_ROWS]
    heads = [
        *(SLICE_NAMES[kind], "Rows", "Positive", "Average precision", "F1", "False positives"),
        *(AUC_NAMES if kind == "identity" else ()),
        *(["Live model: false positives"] if champion else []),
    ]
    rows = [
        _slice_cells(name, part, kind)
        + (f"<td>{share(champion[kind][name]['false_positive_rate'])}</td>" if champion else "")
        for name, part in large.items()
    ]

    page = f"<h3>{SLICE_NAMES[kind]}</h3>" + (table(heads, rows) if rows else nothing("None has enough rows."))
    if small:
        page += f'<p class="note">Fewer than {LEAST_ROWS} rows: {escape(", ".join(small))}.</p>'
    return page


def _slice_cells(name: str, part: Slice, kind: SliceKind) -> str:
    values = [
        number(part["macro_average_precision"], 2),
        number(part["macro_f1"], 2),
        share(part["false_positive_rate"]),
    ]
    if kind == "identity":
        values += [number(auc, 2) for auc in (part["subgroup_auc"], part["bpsn_auc"], part["bnsp_auc"])]
    return f'<th scope="row">{escape(name)}</th><td>{part["rows"]:,}</td><td>{part["positives"]:,}</td>' + "".join(
        f"<td>{value}</td>" for value in values
    )


def behaviour(evaluation: Evaluation) -> str:
    """Behaviour cases passed, by group."""
    candidate, champion = evaluation["behaviour"]["candidate"], evaluation["behaviour"]["champion"]
    rows = [
        f'<th scope="row">{escape(plain(name))}</th><td>{_passed(group, "candidate")}</td>'
        + (f"<td>{_passed(champion.get(name), 'champion')}</td>" if champion else "")
        for name, group in candidate.items()
    ]
    heads = ["Group", "Candidate passes", *(["Live model passes"] if champion else [])]
    note = (
        "Short texts with a known answer, each group a test of one ability: abuse must be flagged, and what only looks "
        "like it must not."
    )
    return section("Behaviour", note, table(heads, rows) if rows else nothing("No case fits these labels."))


def _passed(group: BehaviourGroup | None, system: str) -> str:
    if not group:
        return "–"
    return f"{charts.bar(group['share'], system)}{group['passed']} of {group['cases']}"


def evasion(evaluation: Evaluation) -> str:
    """What each kind of evasion leaves of the recall."""
    candidate, champion = evaluation["evasion"]["candidate"], evaluation["evasion"]["champion"]
    rows = [
        f'<th scope="row">{escape(evasion_name(name))}</th><td>{share(kind["recall_clean"])}</td>'
        f"<td>{share(kind['recall_evaded'])}</td><td>{_kept(kind, 'candidate')}</td>"
        + (f"<td>{_kept(champion[name], 'champion')}</td>" if champion else "")
        for name, kind in candidate.items()
    ]
    heads = ["Evasion", "Recall, plain text", "Recall, evaded", "Kept", *(["Live model keeps"] if champion else [])]
    count = next(iter(candidate.values()))["rows"]
    note = f"{count:,} positive test rows, rewritten so that a reader still understands them."
    return section("Can it be evaded?", note, table(heads, rows))


def _kept(kind: EvasionKind, system: str) -> str:
    return f"{charts.bar(kind['kept'], system)}{share(kind['kept'])}"


def mistakes(evaluation: Evaluation, texts: Mapping[str, str]) -> str:
    """The surest wrong decisions, with texts where there are any."""
    rows = []
    for mistake in evaluation["worst_mistakes"]:
        kind = "false negative" if mistake["truth"] else "false positive"
        text = texts.get(mistake["id"], "")
        shown = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
        cell = f'<td class="text">{escape(shown)}</td>' if texts else ""
        rows.append(
            f"<td><code>{escape(mistake['id'])}</code></td><td>{escape(mistake['label'])}</td><td>{kind}</td>"
            f"<td>{mistake['score']:.3f}</td>{cell}"
        )
    note = (
        "The surest wrong decisions of each label, as row ids of the test split"
        f"{'' if texts else '; evaluation.show_texts in moderation.yaml shows the texts'}. "
        "A mistake may be the annotators’."
    )
    heads = ["Row", "Label", "Mistake", "Score", *(["Text"] if texts else [])]
    return section("Worst mistakes", note, table(heads, rows) if rows else nothing("None."))
