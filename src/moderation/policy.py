"""The decision policy: from which score a label goes to a person, and from which it is blocked; tuned by hand here.

python -m moderation.policy --model DIR --precision 0.9 --recall 0.8 --label threat
python -m moderation.policy --curves evaluation.json --precision 0.9
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

MINIMUM_POSITIVES = 5  # below it, a label's own best threshold is chance
HALF_TRUST_POSITIVES = 15  # with so many, a label's own threshold counts half
SMALLEST, LARGEST = 0.001, 0.999
NEVER = 1.0  # a block threshold that no score reaches, not even one that is rounded to 1: a person decides
DIGITS = 4  # of a threshold
DECISIONS = ("allow", "review", "block")  # the gravest last
FILE, SCORES_FILE = "policy.json", "validation_scores.safetensors"


def _share(where: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError(f"{where}: found {value!r}, expected a number above 0 and at most 1")


@dataclass(frozen=True)
class LabelTargets:
    """What is wanted of one label; what is None is chosen as for all labels."""

    review: float | None = None
    """This review threshold and no other."""
    review_recall: float | None = None
    """The highest review threshold that finds this share of the positives."""
    block: float | None = None
    """This block threshold and no other."""
    block_precision: float | None = None
    """The lowest block threshold above which this share of the rows is positive."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                _share(f"policy: {name}", value)
        for fixed, wanted in (("review", "review_recall"), ("block", "block_precision")):
            if getattr(self, fixed) is not None and getattr(self, wanted) is not None:
                raise ValueError(f"policy: found {fixed} and {wanted} for one label, expected one of the two")
        if self.review is not None and self.block is not None and self.review > self.block:
            raise ValueError(f"policy: found review {self.review} above block {self.block}, expected review <= block")


@dataclass(frozen=True)
class Targets:
    """The `policy` section of moderation.yaml; its defaults are what train.py chooses by."""

    block_precision: float = 0.9
    """Share of the rows above a block threshold that must be positive on validation."""
    review_recall: float | None = None
    """Share of the positives that a review threshold must find on validation; None: the highest F1 decides."""
    labels: Mapping[str, LabelTargets] = field(default_factory=dict)
    """What differs for a label."""

    def __post_init__(self) -> None:
        _share("policy.block_precision", self.block_precision)
        if self.review_recall is not None:
            _share("policy.review_recall", self.review_recall)

    def of(self, label: str) -> LabelTargets:
        """What is wanted of a label, with what is wanted of all where it says nothing itself."""
        own = self.labels.get(label, LabelTargets())
        recall = self.review_recall if own.review is None and own.review_recall is None else own.review_recall
        precision = self.block_precision if own.block is None and own.block_precision is None else own.block_precision
        return LabelTargets(own.review, recall, own.block, precision)


@dataclass(frozen=True, eq=False)
class Policy:
    """Two thresholds a label; equal thresholds have an equal id."""

    id: str
    labels: tuple[str, ...]
    review: np.ndarray
    """(labels): a score at or above it is flagged."""
    block: np.ndarray
    """(labels): a score at or above it is blocked; never below review."""

    def content(self) -> dict[str, Any]:
        """What policy.json holds."""
        return {"id": self.id, "labels": _thresholds(self.labels, self.review, self.block)}

    def decisions(self, scores: np.ndarray) -> np.ndarray:
        """For scores (rows, labels) the place in DECISIONS (rows, labels): 0 allow, 1 review, 2 block."""
        blocked = (scores >= self.block) & (self.block < NEVER)
        return (scores >= self.review).astype(np.int8) + blocked


def make_policy(labels: Sequence[str], review: np.ndarray, block: np.ndarray) -> Policy:
    """The policy of these thresholds, review and block (labels), with the id that its content gives it."""
    review = np.round(np.asarray(review, dtype=np.float64), DIGITS)
    block = np.maximum(np.round(np.asarray(block, dtype=np.float64), DIGITS), review)
    canonical = json.dumps(_thresholds(labels, review, block), sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Policy(f"p-{digest[:12]}", tuple(labels), review, block)


def _thresholds(labels: Sequence[str], review: np.ndarray, block: np.ndarray) -> dict[str, dict[str, float]]:
    return {
        label: {"review": float(lower), "block": float(upper)}
        for label, lower, upper in zip(labels, review, block, strict=True)
    }


def choose_policy(
    labels: Sequence[str],
    truth: np.ndarray,
    probs: np.ndarray,
    prevalence: np.ndarray,
    targets: Targets = Targets(),
) -> Policy:
    """The policy that meets the targets on truth and probs (rows, labels) of the validation split.

    prevalence (labels): the share of positives in the train split. Raises ValueError for targets of an unknown label.
    """
    if unknown := sorted(set(targets.labels) - set(labels)):
        raise ValueError(
            f"policy.labels: found the unknown label {', '.join(unknown)}, expected one of {', '.join(labels)}"
        )
    review, block = choose_review(truth, probs, prevalence), np.full(len(labels), NEVER)
    for index, label in enumerate(labels):
        wanted = targets.of(label)
        known = ~np.isnan(truth[:, index])
        answers, scored = truth[known, index], probs[known, index]
        if wanted.review is not None:
            review[index] = wanted.review
        elif wanted.review_recall is not None and answers.sum():
            review[index] = recall_threshold(answers, scored, wanted.review_recall)
        if wanted.block is None:
            block[index] = block_threshold(answers, scored, wanted.block_precision)
        else:
            block[index] = wanted.block
        # a fixed block threshold is a promise: what would be reviewed above it gives way
        if wanted.block is not None and wanted.review is None:
            review[index] = min(review[index], wanted.block)
    return make_policy(labels, review, block)


def choose_review(truth: np.ndarray, probs: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Review thresholds (labels) that maximise F1 on truth and probs (rows, labels) of the validation split.

    A threshold chosen on few positives overfits them, so it is shrunk, on the logit scale, towards the one that flags
    as many validation rows as `prevalence` (labels), the share of positives in the train split, lets expect; a label
    with fewer than MINIMUM_POSITIVES takes that one.
    """
    chosen = np.empty(truth.shape[1])
    for index in range(truth.shape[1]):
        known = ~np.isnan(truth[:, index])
        answers, scored = truth[known, index], probs[known, index]
        expected = prevalence_threshold(scored, float(prevalence[index]))
        positives = answers.sum()
        trust = positives / (positives + HALF_TRUST_POSITIVES) if positives >= MINIMUM_POSITIVES else 0.0
        own = best_threshold(answers, scored)
        chosen[index] = _sigmoid(trust * _logit(own) + (1 - trust) * _logit(expected))
    return np.round(chosen, DIGITS)


def prevalences(truth: np.ndarray) -> np.ndarray:
    """Share of positives (labels) among the annotated rows of truth (rows, labels)."""
    annotated = (~np.isnan(truth)).sum(axis=0)
    return np.nansum(truth, axis=0) / np.maximum(annotated, 1)


def prevalence_threshold(probs: np.ndarray, prevalence: float) -> float:
    """The threshold that flags the share `prevalence` of the scores (rows), at least one of them."""
    if not len(probs):
        return 0.5
    ranked = np.sort(probs.astype(np.float64))[::-1]
    count = min(max(1, round(prevalence * len(ranked))), len(ranked))
    below = ranked[count] if count < len(ranked) else 0.0
    return float(np.clip((ranked[count - 1] + below) / 2, SMALLEST, LARGEST))


def best_threshold(truth: np.ndarray, probs: np.ndarray) -> float:
    """The threshold with the highest F1 for truth and probs (rows), half-way to the next lower score; .5 if no
    row is positive."""
    if not truth.sum():
        return 0.5
    ranked, last, hits = _steps(truth, probs)
    f1 = 2 * hits / (truth.sum() + last + 1)
    return _below(ranked, int(last[int(np.argmax(f1))]))


def block_threshold(truth: np.ndarray, probs: np.ndarray, precision: float) -> float:
    """The lowest threshold with the wanted precision on truth and probs (rows), shrunk for few positives.

    To block is graver than to ask a person: what few positives above it speak for is moved, on the logit scale,
    towards LARGEST. Where no threshold reaches the precision it is NEVER.
    """
    own = precision_threshold(truth, probs, precision)
    return NEVER if own == NEVER else _cautious(own, float(truth[probs >= own].sum()))


def _cautious(threshold: float, hits: float) -> float:
    trust = hits / (hits + HALF_TRUST_POSITIVES)
    return _sigmoid(trust * _logit(threshold) + (1 - trust) * _logit(LARGEST))


def precision_threshold(truth: np.ndarray, probs: np.ndarray, precision: float) -> float:
    """The lowest threshold above which the share `precision` of the rows is positive, NEVER where none is.

    One clean row more than was seen is reckoned with, so that a few lucky hits promise nothing: a precision of .9
    needs at least nine positives above the threshold.
    """
    if not truth.sum():
        return NEVER
    ranked, last, hits = _steps(truth, probs)
    reached = np.flatnonzero(hits >= precision * (last + 2))
    return _below(ranked, int(last[reached[-1]])) if len(reached) else NEVER


def recall_threshold(truth: np.ndarray, probs: np.ndarray, recall: float) -> float:
    """The highest threshold that finds the share `recall` of the positives, of which truth has at least one.

    One missed positive more than was seen is reckoned with; where that is too much to ask, all positives are found.
    """
    ranked, last, hits = _steps(truth, probs)
    wanted = min(recall * (truth.sum() + 1), truth.sum())
    return _below(ranked, int(last[int(np.argmax(hits >= wanted))]))


def _steps(truth: np.ndarray, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (rows) from the highest, the last row of each distinct score, and the positives down to there."""
    order = np.argsort(-probs, kind="stable")
    ranked = probs[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return ranked, last, np.cumsum(truth[order])[last]


def _below(ranked: np.ndarray, place: int) -> float:
    """Half-way from a score to the next lower one."""
    below = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[place] + below) / 2, SMALLEST, LARGEST))


def read_targets(path: Path) -> Targets:
    """The `policy` section of a moderation.yaml; without one, the defaults. Raises ValueError for a mistake in it."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = content.get("policy", {}) if isinstance(content, dict) else {}
    known = _known("policy", Targets, section)
    labels = known.pop("labels", {})
    if not isinstance(labels, dict):
        raise ValueError(f"policy.labels: found {labels!r}, expected a mapping of labels to their targets")
    return Targets(
        **known,
        labels={
            str(label): LabelTargets(**_known(f"policy.labels.{label}", LabelTargets, wanted))
            for label, wanted in labels.items()
        },
    )


def _known(where: str, kind: type, section: Any) -> dict[str, Any]:
    names = [item.name for item in fields(kind)]
    if not isinstance(section, dict):
        raise ValueError(f"{where}: found {section!r}, expected a mapping with some of the keys {', '.join(names)}")
    if unknown := sorted(str(key) for key in section if key not in names):
        raise ValueError(f"{where}: found the unknown key {', '.join(unknown)}, expected {', '.join(names)}")
    return dict(section)


def read_policy(directory: Path, labels: Sequence[str]) -> Policy:
    """A model's policy.json, in the order of `labels`. Raises ValueError where it does not fit them."""
    path = directory / FILE
    if not path.is_file():
        raise ValueError(f"{directory}: found no {FILE}, expected a model that train.py saved")
    content = json.loads(path.read_text(encoding="utf-8"))
    found = content["labels"]
    if sorted(found) != sorted(labels):
        raise ValueError(
            f"{path}: found thresholds for {', '.join(found)}, expected one for each of {', '.join(labels)}"
        )
    if not all({"review", "block"} <= set(thresholds) for thresholds in found.values()):
        raise ValueError(f"{path}: found a label without review or block threshold, expected both; train again")
    review, block = (np.array([found[label][name] for label in labels]) for name in ("review", "block"))
    return Policy(content["id"], tuple(labels), review, block)


def write_policy(policy: Policy, directory: Path) -> None:
    """Write policy.json."""
    (directory / FILE).write_text(json.dumps(policy.content(), indent=1, ensure_ascii=False), encoding="utf-8")


@dataclass(frozen=True, eq=False)
class ValidationScores:
    """What a policy is chosen by; it lies beside the model, so that another policy needs no training."""

    truth: np.ndarray
    """(rows, labels): 1, 0 or NaN."""
    probs: np.ndarray
    """(rows, labels)"""
    prevalence: np.ndarray
    """(labels): share of positives in the train split."""


def write_scores(scores: ValidationScores, directory: Path) -> None:
    """Write the validation scores of a model; neither texts nor ids are in them."""
    import safetensors.numpy

    arrays = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in vars(scores).items()}
    safetensors.numpy.save_file(arrays, directory / SCORES_FILE)


def read_scores(directory: Path) -> ValidationScores:
    """The validation scores of a model. Raises ValueError where there are none."""
    import safetensors.numpy

    path = directory / SCORES_FILE
    if not path.is_file():
        raise ValueError(f"{directory}: found no {SCORES_FILE}, expected a model that train.py saved; train again")
    return ValidationScores(**safetensors.numpy.load_file(path))


def effective_policy(directory: Path, labels: Sequence[str], targets: Targets) -> Policy:
    """The policy with which a trained model is released: the one it was saved with, or the one the targets ask for."""
    shipped = read_policy(directory, labels)
    # train.py chose by the defaults
    if targets == Targets():
        return shipped
    scores = read_scores(directory)
    return choose_policy(labels, scores.truth, scores.probs, scores.prevalence, targets)


# --- by hand ------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints what the wanted thresholds cost, and the section that makes them the policy."""
    parser = argparse.ArgumentParser(prog="python -m moderation.policy", description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, metavar="DIR", help="an unpacked model: its validation scores decide")
    source.add_argument(
        "--curves",
        type=Path,
        metavar="FILE",
        help="an evaluation.json: its test curves of at most 101 points",
    )
    parser.add_argument("--precision", type=float, default=0.9, help="wanted above the block threshold (default: 0.9)")
    parser.add_argument("--recall", type=float, help="wanted above the review threshold (default: review as it is)")
    parser.add_argument("--label", action="append", help="tune this label alone (repeatable; default: all)")
    parser.add_argument("--output", type=Path, metavar="DIR", help=f"write {FILE} here")
    arguments = parser.parse_args(argv)
    try:
        _share("--precision", arguments.precision)
        if arguments.recall is not None:
            _share("--recall", arguments.recall)
        tune = _tune_model if arguments.model else _tune_curves
        policy, lines = tune(arguments.model or arguments.curves, arguments)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_policy(policy, arguments.output)
    print("\n".join([*lines, f"policy {policy.id}; to release it, push this in moderation.yaml:", *_section(policy)]))
    return 0


def _section(policy: Policy) -> list[str]:
    section = {"policy": {"labels": policy.content()["labels"]}}
    return yaml.safe_dump(section, sort_keys=False, default_flow_style=None, allow_unicode=True).splitlines()


def _tuned(labels: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    if unknown := sorted(set(wanted or ()) - set(labels)):
        raise ValueError(f"--label: found {', '.join(unknown)}, expected one of {', '.join(labels)}")
    return [label for label in labels if not wanted or label in wanted]


def _tune_model(directory: Path, arguments: argparse.Namespace) -> tuple[Policy, list[str]]:
    path = directory / "labels.json"
    if not path.is_file():
        raise ValueError(f"{directory}: found no labels.json, expected an unpacked model that train.py saved")
    labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    current, scores = read_policy(directory, labels), read_scores(directory)
    tuned = _tuned(labels, arguments.label)
    wanted = {}
    for label, review, block in zip(labels, current.review.tolist(), current.block.tolist(), strict=True):
        if label not in tuned:
            wanted[label] = LabelTargets(review=review, block=block)
        elif arguments.recall is None:
            wanted[label] = LabelTargets(review=review, block_precision=arguments.precision)
        else:
            wanted[label] = LabelTargets(review_recall=arguments.recall, block_precision=arguments.precision)
    policy = choose_policy(labels, scores.truth, scores.probs, scores.prevalence, Targets(labels=wanted))
    lines = [f"on {len(scores.truth)} validation rows:"]
    for index, label in enumerate(labels):
        known = ~np.isnan(scores.truth[:, index])
        answers, scored = scores.truth[known, index], scores.probs[known, index]
        cells = []
        for name in ("review", "block"):
            threshold = float(getattr(policy, name)[index])
            flags = scored >= threshold
            hits = float(answers[flags].sum())
            precision = hits / flags.sum() if flags.any() else None
            cells.append(_cell(name, threshold, precision, hits / answers.sum() if answers.sum() else None))
        lines.append(f"  {label:<20} {'  '.join(cells)}")
    return policy, lines


def _tune_curves(path: Path, arguments: argparse.Namespace) -> tuple[Policy, list[str]]:
    evaluation = json.loads(path.read_text(encoding="utf-8"))
    if evaluation.get("schema_version") != 2:
        raise ValueError(f"{path}: found schema_version {evaluation.get('schema_version')!r}, expected 2")
    labels = evaluation["labels"]
    tuned = _tuned(labels, arguments.label)
    current = read_policy(path.parent, labels) if len(tuned) < len(labels) else None
    review = np.array([evaluation["candidate"]["labels"][label]["threshold"] for label in labels])
    block = np.full(len(labels), NEVER) if current is None else current.block.copy()
    curves = {label: _curve(evaluation["curves"][label]["precision_recall"]) for label in labels}
    for index, label in enumerate(labels):
        if label in tuned:
            recall, precision, threshold = curves[label].T
            if arguments.recall is not None and (recall >= arguments.recall).any():
                review[index] = threshold[int(np.argmax(recall >= arguments.recall))]
            hits = recall * evaluation["candidate"]["labels"][label]["positives"]
            flagged = np.divide(hits, precision, out=np.full(len(hits), np.inf), where=precision > 0)
            reached = np.flatnonzero(hits >= arguments.precision * (flagged + 1))
            block[index] = _cautious(threshold[reached[-1]], hits[reached[-1]]) if len(reached) else NEVER
    policy = make_policy(labels, review, block)
    lines = [f"on {evaluation['rows']['test']} test rows, which then no longer judge this policy without favour:"]
    for index, label in enumerate(labels):
        cells = []
        for name in ("review", "block"):
            threshold = float(getattr(policy, name)[index])
            above = curves[label][curves[label][:, 2] >= threshold]
            recall, precision = above[-1, :2].tolist() if len(above) else (None, None)
            cells.append(_cell(name, threshold, precision, recall))
        lines.append(f"  {label:<20} {'  '.join(cells)}")
    return policy, lines


def _curve(points: Sequence[Sequence[float]]) -> np.ndarray:
    """Recall, precision, threshold (points, 3), from the highest threshold."""
    curve = np.array(points, dtype=np.float64).reshape(-1, 3)
    return curve[np.argsort(-curve[:, 2], kind="stable")]


def _cell(name: str, threshold: float, precision: float | None, recall: float | None) -> str:
    shown = ["  –  " if value is None else f"{value:.3f}" for value in (precision, recall)]
    return f"{name} {threshold:.4f} (precision {shown[0]}, recall {shown[1]})"


def _logit(probability: float) -> float:
    clipped = float(np.clip(probability, SMALLEST, LARGEST))
    return float(np.log(clipped / (1 - clipped)))


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


if __name__ == "__main__":
    sys.exit(main())
