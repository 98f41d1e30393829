"""The gate: a pure function of an evaluation and a policy. Acting on the verdict happens elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.config import GatePolicy

HEADLINE = "macro_average_precision"
ROUNDING = 1e-9  # 0.40 - 0.42 is not quite -0.02 in binary; a candidate exactly at the margin passes


@dataclass(frozen=True)
class Rule:
    """One requirement and how the candidate did."""

    name: str
    required: float
    """The least value that passes."""
    found: float | None
    """None where the evaluation has no such number."""
    passed: bool
    sentence: str
    """What was required, what was found, whether it passed."""


@dataclass(frozen=True)
class Decision:
    """The verdict on a candidate."""

    passed: bool
    rules: tuple[Rule, ...]

    @property
    def verdict(self) -> str:
        """`PASS` or `FAIL`: what the pipeline's condition compares."""
        return "PASS" if self.passed else "FAIL"

    @property
    def summary(self) -> str:
        """One line: the failed rules, or that all passed."""
        failed = [rule.sentence for rule in self.rules if not rule.passed]
        if failed:
            return " ".join(failed)
        return f"All {len(self.rules)} rules passed."


def decide(evaluation: Mapping[str, Any], policy: GatePolicy) -> Decision:
    """Judge evaluation.json (schema 2) by the policy; a number that is missing or null fails its rule."""
    if evaluation.get("schema_version") != 2:
        raise ValueError(
            f"evaluation.json has schema_version {evaluation.get('schema_version')!r}; this gate reads 2: "
            "release and moderation must come from the same commit"
        )
    candidate = evaluation["candidate"]["metrics"]
    rules = [_minimum(name, floor, candidate.get(name)) for name, floor in sorted(policy.minimum.items())]
    if policy.baseline_margin is not None:
        rules.append(
            _baseline(policy.baseline_margin, candidate.get(HEADLINE), evaluation["baseline"]["metrics"].get(HEADLINE))
        )
    # The first run has no champion: the floors and the baseline decide
    if policy.champion_margin is not None and evaluation.get("champion") is not None:
        rules.append(_champion(policy.champion_margin, (evaluation["comparison"]["champion"] or {}).get(HEADLINE)))
    return Decision(passed=all(rule.passed for rule in rules), rules=tuple(rules))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"  # + 0.0 turns -0.000 into +0.000


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _minimum(metric: str, floor: float, found: Any) -> Rule:
    name = f"minimum.{metric}"
    if not _is_number(found):
        return Rule(name, floor, None, False, f"{_words(metric)} could not be computed; at least {floor:.3f} required.")
    passed = found >= floor
    sentence = f"{_words(metric)} is {found:.3f}; at least {floor:.3f} required: {'passed' if passed else 'failed'}."
    return Rule(name, floor, float(found), passed, sentence)


def _baseline(margin: float, candidate: Any, baseline: Any) -> Rule:
    name = "baseline_margin"
    if not (_is_number(candidate) and _is_number(baseline)):
        return Rule(
            name, margin, None, False, f"{_words(HEADLINE)} of candidate or baseline could not be computed: failed."
        )
    difference = candidate - baseline
    passed = difference >= margin - ROUNDING
    return Rule(
        name,
        margin,
        difference,
        passed,
        f"{_words(HEADLINE)} is {_signed(difference)} against TF-IDF with logistic regression; "
        f"at least {_signed(margin)} required: {'passed' if passed else 'failed'}.",
    )


def _champion(margin: float, comparison: Mapping[str, Any] | None) -> Rule:
    name = "champion_margin"
    numbers = [(comparison or {}).get(key) for key in ("difference", "low", "high")]
    if not all(_is_number(number) for number in numbers):
        return Rule(
            name, margin, None, False, f"{_words(HEADLINE)} could not be compared with the model live in prod: failed."
        )
    difference, low, high = numbers
    measured = (
        f"{_words(HEADLINE)} is {_signed(difference)} (95 % interval {_signed(low)} to {_signed(high)}) against the "
        f"model live in prod; at least {_signed(margin)} required"
    )
    if difference >= margin - ROUNDING:
        return Rule(name, margin, difference, True, f"{measured}: passed.")
    if high >= 0:
        return Rule(name, margin, difference, True, f"{measured}: passed, the interval reaches 0, it may be noise.")
    return Rule(name, margin, difference, False, f"{measured}: failed, the whole interval is below 0.")
