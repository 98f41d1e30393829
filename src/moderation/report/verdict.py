"""What the report says about an evaluation, as pure decisions: tone, headline, and what to know before deciding."""

from collections.abc import Iterator, Mapping
from typing import Literal

from contract.evaluation.document import (
    HEADLINE,
    OTHER_SYSTEMS,
    BehaviourGroup,
    Comparison,
    Difference,
    Evaluation,
    EvasionKind,
    OtherSystem,
)
from contract.evaluation.vocabulary import SYSTEMS_IN_SENTENCES
from moderation.report.words import evasion_name, plain

SIGNIFICANCE = 0.05  # as in the gate
ROUGH_POSITIVES = 30  # below it, an interval is too wide to lean on one label's figure
MANY_FALSE_POSITIVES = 200  # of 1,000 clean texts: a person would have to look at every fifth
LEAST_PASSED = 0.5  # share of a behaviour group below which it is worth a sentence
LEAST_KEPT = 0.8  # of the recall, below which an evasion is worth a sentence

Tone = Literal["worse", "better", "even"]
TONES: tuple[Tone, ...] = ("worse", "better", "even")  # the gravest first


def tone(difference: Difference) -> Tone:
    """`better` or `worse` where chance does not explain it, with all labels in view; otherwise `even`."""
    if difference["p_worse"] is not None and difference["p_worse"] < SIGNIFICANCE:
        return "worse"
    return "better" if difference["p_better"] is not None and difference["p_better"] < SIGNIFICANCE else "even"


def reading(difference: Difference) -> str:
    """The tone for people: an interval that leaves 0 out without being proof, as its positive rows are few or the
    labels many, must not stand beside "no clear difference"."""
    kind = tone(difference)
    if kind != "even":
        return kind
    if difference["low"] is not None and difference["low"] > 0:
        return "leans better"
    if difference["high"] is not None and difference["high"] < 0:
        return "leans worse"
    return "no clear difference"


def compared(evaluation: Evaluation) -> dict[OtherSystem, Comparison]:
    """The comparisons with the systems that there are."""
    comparison = evaluation["comparison"]
    return {name: item for name in OTHER_SYSTEMS if (item := comparison[name])}


def verdict(evaluation: Evaluation) -> tuple[Tone, str]:
    """Tone and headline: against the live model, or on a first run against the stronger of the baselines."""
    tones = {name: tone(item[HEADLINE]) for name, item in compared(evaluation).items()}
    if "champion" in tones:
        headlines: dict[Tone, str] = {
            "better": "Better than the live model",
            "worse": "Worse than the live model",
            "even": "No clear difference from the live model",
        }
        return tones["champion"], headlines[tones["champion"]]

    if "worse" in tones.values():
        return "worse", f"First model: worse than {_systems(tones, 'worse', ' and ')}"
    if set(tones.values()) == {"better"}:
        return "better", f"First model: better than {_systems(tones, 'better', ' and ')}"
    return "even", f"First model: not clearly better than {_systems(tones, 'even', ' or ')}"


def _systems(tones: Mapping[OtherSystem, Tone], kind: Tone, joint: str) -> str:
    return joint.join(SYSTEMS_IN_SENTENCES[name] for name, each in tones.items() if each == kind)


def points_to_know(evaluation: Evaluation) -> list[tuple[Tone, str]]:
    """Tone and sentence of what somebody must know before deciding, gravest first."""
    points = [
        *_about_labels(evaluation),
        *_about_the_live_model(evaluation),
        *_about_behaviour(evaluation["behaviour"]["candidate"]),
        *_about_evasion(evaluation["evasion"]["candidate"]),
        *_about_false_positives(evaluation),
        *_about_rare_labels(evaluation),
    ]
    return sorted(points, key=lambda point: TONES.index(point[0]))


def ascending(values: Mapping[str, float | None]) -> list[tuple[str, float]]:
    """Names and values, the smallest first; what is not known is left out."""
    pairs = [(name, value) for name, value in values.items() if value is not None]
    return sorted(pairs, key=lambda pair: pair[1])


def _about_labels(evaluation: Evaluation) -> Iterator[tuple[Tone, str]]:
    for name, comparison in compared(evaluation).items():
        kinds: tuple[Tone, ...] = ("worse", "better")
        for kind in kinds:
            labels = [label for label, difference in comparison["labels"].items() if tone(difference) == kind]
            if labels:
                yield kind, f"Clearly {kind} than {SYSTEMS_IN_SENTENCES[name]} for {', '.join(labels)}."


def _about_the_live_model(evaluation: Evaluation) -> Iterator[tuple[Tone, str]]:
    champion, dropped = evaluation["champion"], evaluation["labels_dropped"]
    if dropped:
        yield "worse", f"No longer knows what the live model knows: {', '.join(dropped)}."
    if evaluation["champion_left_out"]:
        yield "even", f"The live model is not compared: {evaluation['champion_left_out']}."
    elif not champion:
        yield "even", "There is no live model to compare with."
    elif len(champion["labels"]) < len(evaluation["labels"]) or dropped:
        shared = ", ".join(champion["labels"])
        yield "even", f"What is shown of the live model is over the labels that both know: {shared}."


def _about_behaviour(groups: Mapping[str, BehaviourGroup]) -> Iterator[tuple[Tone, str]]:
    failing = [
        f"{plain(name)} ({groups[name]['passed']} of {groups[name]['cases']})"
        for name, share in ascending({name: group["share"] for name, group in groups.items()})
        if share < LEAST_PASSED
    ]
    if failing:
        yield "worse", f"Passes fewer than half of the behaviour cases in: {', '.join(failing)}."


def _about_evasion(kinds: Mapping[str, EvasionKind]) -> Iterator[tuple[Tone, str]]:
    for name, kept in ascending({name: kind["kept"] for name, kind in kinds.items()}):
        if kept < LEAST_KEPT:
            yield "worse", f"{evasion_name(name)}: only {kept:.0%} of what it finds is still found."


def _about_false_positives(evaluation: Evaluation) -> Iterator[tuple[Tone, str]]:
    rate = evaluation["candidate"]["metrics"]["false_positives_per_1000_clean"]
    if rate is None:
        return
    if rate > MANY_FALSE_POSITIVES:
        yield "worse", f"Flags {rate:.0f} of 1,000 clean texts."

    groups = evaluation["slices"]["candidate"]["identity"]
    for name, share in ascending({name: group["false_positive_rate"] for name, group in groups.items()}):
        if share * 1000 > max(2 * rate, 50):
            sentence = (
                f"Clean texts that name the group “{name}” are flagged {share * 1000:.0f} times in 1,000, against "
                f"{rate:.0f} for all clean texts."
            )
            yield "worse", sentence


def _about_rare_labels(evaluation: Evaluation) -> Iterator[tuple[Tone, str]]:
    rare = [
        f"{label} ({metrics['positives']})"
        for label, metrics in evaluation["candidate"]["labels"].items()
        if metrics["positives"] < ROUGH_POSITIVES
    ]
    if rare:
        yield "even", f"Few positive test rows, so that figures are rough: {', '.join(rare)}."
