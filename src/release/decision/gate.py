"""The gate: a pure function of an evaluation and its rules. Acting on the verdict happens elsewhere."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from contract.evaluation.document import HEADLINE, Comparison, Difference, Evaluation, Slice, SystemResult
from contract.evaluation.vocabulary import METRIC_NAMES, SLICE_METRIC_NAMES
from contract.project.gate import ChampionRules, GateRules, SliceKind, SliceMetric

ROUNDING = 1e-9  # 0.40 - 0.42 is not quite -0.02 in binary; a candidate exactly at a bound passes
SIGNIFICANCE = 0.05  # of all labels and their mean together: an equal candidate is stopped no more often than this
SLICE_POSITIVES = 10  # with fewer positive rows, a slice's figure is chance


@dataclass(frozen=True)
class Rule:
    """One requirement and how the candidate did."""

    name: str
    required: float
    """The bound: the least value that passes, or the greatest."""
    value: float | None
    """What the candidate has; None where the evaluation has no such number."""
    passed: bool
    sentence: str
    """What was required, what was found, whether it passed."""


@dataclass(frozen=True)
class Decision:
    """The verdict on a candidate."""

    rules: tuple[Rule, ...]
    mode: str = "enforce"
    """`enforce`, or `report`: nothing is stopped."""

    @property
    def failed(self) -> tuple[Rule, ...]:
        """The rules that the candidate broke."""
        return tuple(rule for rule in self.rules if not rule.passed)

    @property
    def passed(self) -> bool:
        """Whether the candidate may go on."""
        return self.mode == "report" or not self.failed

    @property
    def verdict(self) -> str:
        """`PASS` or `FAIL`: what the pipeline's condition compares."""
        return "PASS" if self.passed else "FAIL"

    @property
    def summary(self) -> str:
        """One line: the failed rules, or that all passed."""
        if not self.failed:
            return f"All {len(self.rules)} rules passed."
        sentences = " ".join(rule.sentence for rule in self.failed)
        if self.mode == "report":
            return f"Report only; {len(self.failed)} of {len(self.rules)} rules would have stopped this: {sentences}"
        return sentences


def decide(evaluation: Evaluation, rules: GateRules) -> Decision:
    """Apply the rules to an evaluation; a number that is None fails its rule.

    Without a champion (the first run, or one that can't be compared) the rules about it are left out: floors and the
    baseline decide.
    """
    metrics = evaluation["candidate"]["metrics"]
    checked = [
        _at_least(f"minimum.{name}", METRIC_NAMES[name], floor, metrics[name])
        for name, floor in sorted(rules.minimum.items())
    ]
    checked += [
        _at_most(f"maximum.{name}", METRIC_NAMES[name], bound, metrics[name])
        for name, bound in sorted(rules.maximum.items())
    ]
    if rules.minimum_test_positives is not None:
        checked += _positives(evaluation, rules.minimum_test_positives, rules.too_few_positives == "report")

    if rules.baseline_margin is not None:
        checked.append(_baseline(rules.baseline_margin, evaluation["comparison"]["baseline"][HEADLINE]))
    if evaluation["champion"] is not None:
        checked += _champion(evaluation, evaluation["champion"], rules.champion)

    checked += _floors(
        "behaviour_minimum",
        "behaviour group {}: share of cases passed",
        rules.behaviour_minimum,
        {group: result["share"] for group, result in evaluation["behaviour"]["candidate"].items()},
    )
    checked += _floors(
        "evasion_minimum",
        "evasion by {}: recall kept",
        rules.evasion_minimum,
        {kind: result["kept"] for kind, result in evaluation["evasion"]["candidate"].items()},
    )
    for kind, floors in sorted(rules.slice_minimum.items()):
        checked += _slices(kind, floors, evaluation["slices"]["candidate"].get(kind, {}))

    if rules.maximum_p95_milliseconds is not None:
        measured = evaluation["latency"]["candidate"]["p95_milliseconds"]
        checked.append(
            _at_most("maximum_p95_milliseconds", "95 % latency in ms", rules.maximum_p95_milliseconds, measured)
        )
    return Decision(tuple(checked), rules.mode)


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"  # + 0.0 turns -0.000 into +0.000


def _outcome(passed: bool) -> str:
    return "passed" if passed else "failed"


def _at_least(name: str, what: str, floor: float, value: float | None) -> Rule:
    if not _is_number(value):
        return Rule(name, floor, None, False, f"{what} could not be computed; at least {floor:.3f} required: failed.")
    passed = value >= floor - ROUNDING
    sentence = f"{what} is {value:.3f}; at least {floor:.3f} required: {_outcome(passed)}."
    return Rule(name, floor, float(value), passed, sentence)


def _at_most(name: str, what: str, bound: float, value: float | None) -> Rule:
    if not _is_number(value):
        return Rule(name, bound, None, False, f"{what} could not be computed; at most {bound:g} required: failed.")
    passed = value <= bound + ROUNDING
    sentence = f"{what} is {value:.3f}; at most {bound:g} required: {_outcome(passed)}."
    return Rule(name, bound, float(value), passed, sentence)


def _positives(evaluation: Evaluation, least: int, report_only: bool) -> Iterator[Rule]:
    """One rule a label: whether it has test rows enough to be evaluated by."""
    for label in evaluation["labels"]:
        positives = evaluation["candidate"]["labels"][label]["positives"]
        enough = positives >= least
        outcome = "passed" if enough else "its figures can't be relied on: " + ("reported" if report_only else "failed")
        yield Rule(
            f"minimum_test_positives.{label}",
            least,
            float(positives),
            enough or report_only,
            f"{label} has {positives} positive test rows; at least {least} required to evaluate it: {outcome}.",
        )


def _baseline(margin: float, compared: Difference) -> Rule:
    name, what, difference = "baseline_margin", METRIC_NAMES[HEADLINE], compared["difference"]
    if not _is_number(difference):
        return Rule(name, margin, None, False, f"{what} could not be compared with TF-IDF: failed.")
    passed = difference >= margin - ROUNDING
    sentence = (
        f"{what} is {_signed(difference)} against TF-IDF with logistic regression; "
        f"at least {_signed(margin)} required: {_outcome(passed)}."
    )
    return Rule(name, margin, difference, passed, sentence)


def _champion(evaluation: Evaluation, champion: SystemResult, rules: ChampionRules) -> Iterator[Rule]:
    comparison = evaluation["comparison"]["champion"]
    # Labels that the champion knows as well
    labels = [label for label in evaluation["labels"] if label in champion["labels"]]
    if rules.no_label_worse:
        yield from _labels_not_worse(evaluation["labels_dropped"], labels, comparison)

    if rules.maximum_flip_share is not None:
        flips = comparison["flips"] if comparison else {}
        for label in labels:
            what = f"share of test rows whose flag {label} changes"
            yield _at_most(f"champion.flips.{label}", what, rules.maximum_flip_share, flips.get(label))

    if rules.no_behaviour_worse:
        now = {group: result["share"] for group, result in evaluation["behaviour"]["candidate"].items()}
        for group, before in sorted((evaluation["behaviour"]["champion"] or {}).items()):
            yield _behaviour(group, before["share"], now.get(group), rules.behaviour_tolerance)


def _labels_not_worse(dropped: Sequence[str], labels: Sequence[str], comparison: Comparison | None) -> Iterator[Rule]:
    yield _not_worse("champion.macro", METRIC_NAMES[HEADLINE], comparison[HEADLINE] if comparison else None)
    yield _labels_kept(dropped)
    by_label = comparison["labels"] if comparison else {}
    for label in labels:
        yield _not_worse(f"champion.label.{label}", f"average precision of {label}", by_label.get(label))


def _labels_kept(dropped: Sequence[str]) -> Rule:
    what = f"{len(dropped)} labels of the model live in prod are gone" + (f" ({', '.join(dropped)})" if dropped else "")
    sentence = f"{what}; none required: {_outcome(not dropped)}."
    return Rule("champion.labels_kept", 0, float(len(dropped)), not dropped, sentence)


def _not_worse(name: str, what: str, compared: Difference | None) -> Rule:
    """Fails where no chance explains the loss: `p_worse` is adjusted for the number of labels by the evaluation."""
    difference, chance = (compared["difference"], compared["p_worse"]) if compared else (None, None)
    if not (_is_number(difference) and _is_number(chance)):
        sentence = f"{what} could not be compared with the model live in prod: failed."
        return Rule(name, SIGNIFICANCE, None, False, sentence)

    passed = chance >= SIGNIFICANCE
    outcome = "passed, it may be noise" if passed and difference < 0 else _outcome(passed)
    sentence = (
        f"{what} is {_signed(difference)} against the model live in prod; were none of the labels worse, one would "
        f"look so with a chance of {chance:.3f}; at least {SIGNIFICANCE:g} required: {outcome}."
    )
    return Rule(name, SIGNIFICANCE, chance, passed, sentence)


def _behaviour(group: str, before: float | None, now: float | None, tolerance: float) -> Rule:
    name, what = f"champion.behaviour.{group}", f"behaviour group {group}: share of cases passed"
    if not (_is_number(before) and _is_number(now)):
        return Rule(name, -tolerance, None, False, f"{what} could not be compared with the model live in prod: failed.")

    difference = now - before
    passed = difference >= -tolerance - ROUNDING
    sentence = (
        f"{what} is {now:.3f}, with the model live in prod {before:.3f}; a loss of at most {tolerance:g} required: "
        f"{_outcome(passed)}."
    )
    return Rule(name, -tolerance, difference, passed, sentence)


def _floors(
    name: str, words: str, floors: float | Mapping[str, float] | None, measured: Mapping[str, float | None]
) -> Iterator[Rule]:
    """One floor for all that was measured, or a floor for each that is named."""
    if floors is None:
        return
    if not isinstance(floors, Mapping):
        if not measured:
            what = name.replace("_", " ")
            yield Rule(name, floors, None, False, f"{what} {floors:g}: nothing was measured: failed.")
        floors = dict.fromkeys(measured, floors)
    for each, floor in sorted(floors.items()):
        yield _at_least(f"{name}.{each}", words.format(each), floor, measured.get(each))


def _slices(kind: SliceKind, floors: Mapping[SliceMetric, float], measured: Mapping[str, Slice]) -> Iterator[Rule]:
    """A slice with few positive rows is passed over; where all are, the rule has failed."""
    large = {name: figures for name, figures in measured.items() if figures["positives"] >= SLICE_POSITIVES}
    for metric, floor in sorted(floors.items()):
        name, words = f"slice_minimum.{kind}.{metric}", SLICE_METRIC_NAMES[metric]
        if not large:
            sentence = (
                f"{words} by {kind}: no slice has {SLICE_POSITIVES} positive rows; "
                f"at least {floor:.3f} required: failed."
            )
            yield Rule(name, floor, None, False, sentence)
        for each, figures in sorted(large.items()):
            yield _at_least(f"{name}.{each}", f"{words} of {kind} {each}", floor, figures.get(metric))
