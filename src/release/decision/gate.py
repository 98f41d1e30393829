"""The gate: a pure function of an evaluation and its rules. Acting on the verdict happens elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.evaluation.document import HEADLINE, SCHEMA_VERSION
from contract.project.gate import ChampionRules, GateRules

ROUNDING = 1e-9  # 0.40 - 0.42 is not quite -0.02 in binary; a candidate exactly at a bound passes
SIGNIFICANCE = 0.05  # of all labels and their mean together: an equal candidate is stopped no more often than this
SLICE_POSITIVES = 10  # with fewer positive rows, a slice's figure is chance


@dataclass(frozen=True)
class Rule:
    """One requirement and how the candidate did."""

    name: str
    required: float
    """The bound: the least value that passes, or the greatest."""
    found: float | None
    """None where the evaluation has no such number."""
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


def decide(evaluation: Mapping[str, Any], rules: GateRules) -> Decision:
    """Judge evaluation.json (schema 3) by the rules; a number that is missing or null fails its rule.

    Without a champion (the first run, or one that can't be compared) the rules about it are left out: floors and the
    baseline decide.
    """
    if evaluation.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"evaluation.json has schema_version {evaluation.get('schema_version')!r}; this gate reads "
            f"{SCHEMA_VERSION}: release and moderation must come from the same commit"
        )
    metrics = evaluation["candidate"]["metrics"]
    found = [
        _at_least(f"minimum.{name}", _words(name), floor, metrics.get(name))
        for name, floor in sorted(rules.minimum.items())
    ]
    found += [
        _at_most(f"maximum.{name}", _words(name), bound, metrics.get(name))
        for name, bound in sorted(rules.maximum.items())
    ]
    if rules.minimum_test_positives is not None:
        found += _positives(evaluation, rules.minimum_test_positives, rules.too_few_positives == "report")
    if rules.baseline_margin is not None:
        found.append(_baseline(rules.baseline_margin, _part(evaluation, "comparison", "baseline").get(HEADLINE)))
    if evaluation.get("champion") is not None:
        found += _champion(evaluation, rules.champion)
    found += _floors_of(
        "behaviour_minimum",
        "behaviour group {}: share of cases passed",
        rules.behaviour_minimum,
        "share",
        _part(evaluation, "behaviour", "candidate"),
    )
    found += _floors_of(
        "evasion_minimum",
        "evasion by {}: recall kept",
        rules.evasion_minimum,
        "kept",
        _part(evaluation, "evasion", "candidate"),
    )
    for kind, floors in sorted(rules.slice_minimum.items()):
        found += _slices(kind, floors, _part(evaluation, "slices", "candidate", kind))
    if rules.maximum_p95_milliseconds is not None:
        measured = _part(evaluation, "latency", "candidate").get("p95_milliseconds")
        found.append(
            _at_most("maximum_p95_milliseconds", "95 % latency in ms", rules.maximum_p95_milliseconds, measured)
        )
    return Decision(tuple(found), rules.mode)


def _part(evaluation: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """A part of the evaluation; empty where it or something on the way to it is null or missing."""
    part: Any = evaluation
    for name in path:
        part = (part or {}).get(name)
    return part or {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"  # + 0.0 turns -0.000 into +0.000


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _outcome(passed: bool) -> str:
    return "passed" if passed else "failed"


def _at_least(name: str, what: str, floor: float, found: Any) -> Rule:
    if not _is_number(found):
        return Rule(name, floor, None, False, f"{what} could not be computed; at least {floor:.3f} required: failed.")
    passed = found >= floor - ROUNDING
    sentence = f"{what} is {found:.3f}; at least {floor:.3f} required: {_outcome(passed)}."
    return Rule(name, floor, float(found), passed, sentence)


def _at_most(name: str, what: str, bound: float, found: Any) -> Rule:
    if not _is_number(found):
        return Rule(name, bound, None, False, f"{what} could not be computed; at most {bound:g} required: failed.")
    passed = found <= bound + ROUNDING
    sentence = f"{what} is {found:.3f}; at most {bound:g} required: {_outcome(passed)}."
    return Rule(name, bound, float(found), passed, sentence)


def _positives(evaluation: Mapping[str, Any], least: int, report_only: bool) -> Iterator[Rule]:
    """One rule a label: whether it has test rows enough to be evaluated by."""
    for label in evaluation["labels"]:
        positives = _part(evaluation, "candidate", "labels", label).get("positives") or 0
        enough = positives >= least
        outcome = "passed" if enough else "its figures can't be relied on: " + ("reported" if report_only else "failed")
        yield Rule(
            f"minimum_test_positives.{label}",
            least,
            float(positives),
            enough or report_only,
            f"{label} has {positives} positive test rows; at least {least} required to evaluate it: {outcome}.",
        )


def _baseline(margin: float, compared: Mapping[str, Any] | None) -> Rule:
    name, difference = "baseline_margin", (compared or {}).get("difference")
    if not _is_number(difference):
        return Rule(name, margin, None, False, f"{_words(HEADLINE)} could not be compared with TF-IDF: failed.")
    passed = difference >= margin - ROUNDING
    return Rule(
        name,
        margin,
        difference,
        passed,
        f"{_words(HEADLINE)} is {_signed(difference)} against TF-IDF with logistic regression; "
        f"at least {_signed(margin)} required: {_outcome(passed)}.",
    )


def _champion(evaluation: Mapping[str, Any], rules: ChampionRules) -> Iterator[Rule]:
    comparison = _part(evaluation, "comparison", "champion")
    # Labels that the champion knows as well
    labels = [label for label in evaluation["labels"] if label in _part(evaluation, "champion", "labels")]
    if rules.no_label_worse:
        yield _not_worse("champion.macro", _words(HEADLINE), comparison.get(HEADLINE))
        yield _labels_kept(evaluation.get("labels_dropped") or [])
        for label in labels:
            yield _not_worse(
                f"champion.label.{label}", f"average precision of {label}", _part(comparison, "labels").get(label)
            )
    if rules.maximum_flip_share is not None:
        for label in labels:
            yield _at_most(
                f"champion.flips.{label}",
                f"share of test rows whose flag {label} changes",
                rules.maximum_flip_share,
                _part(comparison, "flips").get(label),
            )
    if rules.no_behaviour_worse:
        ours, theirs = (_part(evaluation, "behaviour", system) for system in ("candidate", "champion"))
        for group, was in sorted(theirs.items()):
            yield _behaviour(group, was.get("share"), _part(ours, group).get("share"), rules.behaviour_tolerance)


def _labels_kept(dropped: Sequence[str]) -> Rule:
    what = f"{len(dropped)} labels of the model live in prod are gone" + (f" ({', '.join(dropped)})" if dropped else "")
    sentence = f"{what}; none required: {_outcome(not dropped)}."
    return Rule("champion.labels_kept", 0, float(len(dropped)), not dropped, sentence)


def _not_worse(name: str, what: str, compared: Mapping[str, Any] | None) -> Rule:
    """Fails where no chance explains the loss: `p_worse` is adjusted for the number of labels by the evaluation."""
    numbers = [(compared or {}).get(key) for key in ("difference", "p_worse")]
    if not all(_is_number(number) for number in numbers):
        return Rule(
            name, SIGNIFICANCE, None, False, f"{what} could not be compared with the model live in prod: failed."
        )
    difference, chance = numbers
    passed = chance >= SIGNIFICANCE
    outcome = "passed, it may be noise" if passed and difference < 0 else _outcome(passed)
    return Rule(
        name,
        SIGNIFICANCE,
        chance,
        passed,
        f"{what} is {_signed(difference)} against the model live in prod; were none of the labels worse, one would "
        f"look so with a chance of {chance:.3f}; at least {SIGNIFICANCE:g} required: {outcome}.",
    )


def _behaviour(group: str, was: Any, now: Any, tolerance: float) -> Rule:
    name, what = f"champion.behaviour.{group}", f"behaviour group {group}: share of cases passed"
    if not (_is_number(was) and _is_number(now)):
        return Rule(name, -tolerance, None, False, f"{what} could not be compared with the model live in prod: failed.")
    difference = now - was
    passed = difference >= -tolerance - ROUNDING
    return Rule(
        name,
        -tolerance,
        difference,
        passed,
        f"{what} is {now:.3f}, with the model live in prod {was:.3f}; a loss of at most {tolerance:g} required: "
        f"{_outcome(passed)}.",
    )


def _floors_of(
    name: str, words: str, floors: float | Mapping[str, float] | None, key: str, measured: Mapping[str, Any]
) -> Iterator[Rule]:
    """One floor for all that was measured, or a floor for each that is named."""
    if floors is None:
        return
    if not isinstance(floors, Mapping):
        if not measured:
            yield Rule(name, floors, None, False, f"{_words(name)} {floors:g}: nothing was measured: failed.")
        floors = dict.fromkeys(measured, floors)
    for each, floor in sorted(floors.items()):
        yield _at_least(f"{name}.{each}", words.format(each), floor, _part(measured, each).get(key))


def _slices(kind: str, floors: Mapping[str, float], measured: Mapping[str, Any]) -> Iterator[Rule]:
    """A slice with few positive rows is not judged; where none can be, the rule has failed."""
    judged = {name: found for name, found in measured.items() if (found.get("positives") or 0) >= SLICE_POSITIVES}
    for metric, floor in sorted(floors.items()):
        name = f"slice_minimum.{kind}.{metric}"
        if not judged:
            what = f"{_words(metric)} by {kind}"
            yield Rule(
                name,
                floor,
                None,
                False,
                f"{what}: no slice has {SLICE_POSITIVES} positive rows; at least {floor:.3f} required: failed.",
            )
        for each, found in sorted(judged.items()):
            yield _at_least(f"{name}.{each}", f"{_words(metric)} of {kind} {each}", floor, found.get(metric))
