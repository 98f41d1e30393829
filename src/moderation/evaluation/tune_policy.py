"""What other thresholds would cost, by hand.

python -m moderation.evaluation.tune_policy --model DIR --precision 0.9 --recall 0.8 --label threat
python -m moderation.evaluation.tune_policy --curves evaluation.json --precision 0.9
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from contract.dataset.labels import LABELS_FILE
from contract.evaluation.document import SCHEMA_VERSION
from contract.model.archive import POLICY_FILE
from contract.model.policy import NEVER
from contract.policy.targets import LabelTargets, Targets
from moderation.fitting.thresholds import cautious, choose_policy, rounded_up
from moderation.fitting.validation_scores import ValidationScores, read_scores
from moderation.job.dataset import read_labels
from moderation.model.policy import Policy, make_policy, read_policy, write_policy

DECISION_NAMES = ("review", "block")


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    precision: float
    """Above the block threshold."""
    recall: float | None
    """Above the review threshold; None: review stays as it is."""
    labels: tuple[str, ...]
    """The labels to tune; empty: all."""

    def __post_init__(self) -> None:
        for option, value in (("--precision", self.precision), ("--recall", self.recall)):
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{option}: found {value!r}, expected a number above 0 and at most 1")

    def tuned(self, labels: Sequence[str]) -> list[str]:
        """Those of a model's labels that are tuned. Raises ValueError where the model lacks one that was named."""
        if unknown := sorted(set(self.labels) - set(labels)):
            raise ValueError(f"--label: found {', '.join(unknown)}, expected one of {', '.join(labels)}")
        return [label for label in labels if not self.labels or label in self.labels]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints what the thresholds cost, and the section that makes them the policy."""
    arguments = parser().parse_args(argv)
    try:
        wish = Wish(arguments.precision, arguments.recall, tuple(arguments.label or ()))
        policy, lines = tune_model(arguments.model, wish) if arguments.model else tune_curves(arguments.curves, wish)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_policy(policy, arguments.output)
    print("\n".join([*lines, f"policy {policy.id}; to release it, push this in moderation.yaml:", *_section(policy)]))
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    summary = (__doc__ or "").splitlines()[0]
    result = argparse.ArgumentParser(prog="python -m moderation.evaluation.tune_policy", description=summary)
    source = result.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, metavar="DIR", help="an unpacked model: its validation scores decide")
    source.add_argument(
        "--curves", type=Path, metavar="FILE", help="an evaluation.json: its test curves of at most 101 points"
    )
    result.add_argument("--precision", type=float, default=0.9, help="above the block threshold (default: 0.9)")
    result.add_argument("--recall", type=float, help="above the review threshold (default: review as it is)")
    result.add_argument("--label", action="append", help="tune this label alone (repeatable; default: all)")
    result.add_argument("--output", type=Path, metavar="DIR", help=f"write {POLICY_FILE} here")
    return result


def tune_model(directory: Path, wish: Wish) -> tuple[Policy, list[str]]:
    """The policy for a wish by the validation scores of a model directory, and what it costs on them, line by line."""
    if not (directory / LABELS_FILE).is_file():
        raise ValueError(f"{directory}: found no {LABELS_FILE}, expected an unpacked model that train.py saved")
    labels = read_labels(directory)
    current, scores = read_policy(directory, labels), read_scores(directory)
    tuned = wish.tuned(labels)

    targets = {}
    for label, review, block in zip(labels, current.review.tolist(), current.block.tolist(), strict=True):
        if label not in tuned:
            targets[label] = LabelTargets(review=review, block=block)
        elif wish.recall is None:
            targets[label] = LabelTargets(review=review, block_precision=wish.precision)
        else:
            targets[label] = LabelTargets(review_recall=wish.recall, block_precision=wish.precision)
    policy = choose_policy(labels, scores.truth, scores.probs, scores.prevalence, Targets(labels=targets))
    return policy, [f"on {len(scores.truth)} validation rows:", *_costs_on_scores(policy, scores)]


def _costs_on_scores(policy: Policy, scores: ValidationScores) -> list[str]:
    lines = []
    for index, label in enumerate(policy.labels):
        annotated = ~np.isnan(scores.truth[:, index])
        answers, probs = scores.truth[annotated, index], scores.probs[annotated, index]
        cells = []
        for name in DECISION_NAMES:
            threshold = float(getattr(policy, name)[index])
            flags = probs >= threshold
            hits = float(answers[flags].sum())
            precision = hits / flags.sum() if flags.any() else None
            cells.append(_cell(name, threshold, precision, hits / answers.sum() if answers.sum() else None))
        lines.append(f"  {label:<20} {'  '.join(cells)}")
    return lines


def tune_curves(path: Path, wish: Wish) -> tuple[Policy, list[str]]:
    """The policy for a wish by the curves of an evaluation.json, and what it costs on the test rows, line by line.

    Labels that are not tuned keep the thresholds of the policy.json beside it.
    """
    evaluation = json.loads(path.read_text(encoding="utf-8"))
    if evaluation.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: found schema_version {evaluation.get('schema_version')!r}, expected {SCHEMA_VERSION}"
        )
    labels, candidate = evaluation["labels"], evaluation["candidate"]["labels"]
    tuned = wish.tuned(labels)
    current = read_policy(path.parent, labels) if len(tuned) < len(labels) else None
    review = np.array([candidate[label]["threshold"] for label in labels])
    block = np.full(len(labels), NEVER) if current is None else current.block.copy()
    curves = {label: _curve(evaluation["curves"][label]["precision_recall"]) for label in labels}

    for index, label in enumerate(labels):
        if label not in tuned:
            continue
        recall, precision, threshold = curves[label].T
        if wish.recall is not None and (recall >= wish.recall).any():
            review[index] = threshold[int(np.argmax(recall >= wish.recall))]
        hits = recall * candidate[label]["positives"]
        flagged = np.divide(hits, precision, out=np.full(len(hits), np.inf), where=precision > 0)
        block[index] = _block_threshold(threshold, hits, flagged, wish.precision)
    policy = make_policy(labels, review, block)
    rows = evaluation["rows"]["test"]
    heading = f"on {rows} test rows, which are no independent test of this policy any more:"
    return policy, [heading, *_costs_on_curves(policy, curves)]


def _block_threshold(threshold: np.ndarray, hits: np.ndarray, flagged: np.ndarray, precision: float) -> float:
    """As `block_threshold` of the rows themselves, from the points of a curve, the highest threshold first.

    One negative row more than was seen is counted; where caution moves the threshold to, the precision must be
    reached as well.
    """
    reached = np.flatnonzero(hits >= precision * (flagged + 1))
    if not len(reached):
        return NEVER

    least = cautious(float(threshold[reached[-1]]), float(hits[reached[-1]]))
    above = np.flatnonzero(threshold >= least)
    kept = above[hits[above] >= precision * flagged[above]]
    if len(above) and not len(kept):
        return NEVER
    if len(above) and kept[-1] != above[-1]:
        return rounded_up(float(threshold[kept[-1]]))
    return rounded_up(least)


def _costs_on_curves(policy: Policy, curves: dict[str, np.ndarray]) -> list[str]:
    lines = []
    for index, label in enumerate(policy.labels):
        cells = []
        for name in DECISION_NAMES:
            threshold = float(getattr(policy, name)[index])
            above = curves[label][curves[label][:, 2] >= threshold]
            recall, precision = above[-1, :2].tolist() if len(above) else (None, None)
            cells.append(_cell(name, threshold, precision, recall))
        lines.append(f"  {label:<20} {'  '.join(cells)}")
    return lines


def _curve(points: Sequence[Sequence[float]]) -> np.ndarray:
    """Recall, precision, threshold (points, 3), from the highest threshold."""
    curve = np.array(points, dtype=np.float64).reshape(-1, 3)
    return curve[np.argsort(-curve[:, 2], kind="stable")]


def _cell(name: str, threshold: float, precision: float | None, recall: float | None) -> str:
    shown = ["  –  " if value is None else f"{value:.3f}" for value in (precision, recall)]
    return f"{name} {threshold:.4f} (precision {shown[0]}, recall {shown[1]})"


def _section(policy: Policy) -> list[str]:
    section = {"policy": {"labels": policy.content()["labels"]}}
    return yaml.safe_dump(section, sort_keys=False, default_flow_style=None, allow_unicode=True).splitlines()


if __name__ == "__main__":
    sys.exit(main())
