"""What other thresholds would cost, by hand.

python -m moderation.evaluation.tune_policy --model DIR --precision 0.9 --recall 0.8 --label threat
python -m moderation.evaluation.tune_policy --curves evaluation.json --precision 0.9
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from contract.evaluation.document import SCHEMA_VERSION
from contract.model.archive import POLICY_FILE
from contract.model.policy import NEVER
from contract.policy.targets import LabelTargets, Targets
from moderation.fitting.thresholds import cautious, choose_policy, rounded_up
from moderation.fitting.validation_scores import read_scores
from moderation.model.policy import Policy, make_policy, read_policy, write_policy


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints what the wanted thresholds cost, and the section that makes them the policy."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m moderation.evaluation.tune_policy", description=summary)
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
    parser.add_argument("--output", type=Path, metavar="DIR", help=f"write {POLICY_FILE} here")
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


def _share(where: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{where}: found {value!r}, expected a number above 0 and at most 1")


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
    if evaluation.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: found schema_version {evaluation.get('schema_version')!r}, expected {SCHEMA_VERSION}"
        )
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
            if len(reached):  # where caution moves it to, the precision must be reached as well
                least = cautious(float(threshold[reached[-1]]), float(hits[reached[-1]]))
                above = np.flatnonzero(threshold >= least)
                kept = above[hits[above] >= arguments.precision * flagged[above]]
                if len(above) and not len(kept):
                    block[index] = NEVER
                elif len(above) and kept[-1] != above[-1]:
                    block[index] = rounded_up(float(threshold[kept[-1]]))
                else:
                    block[index] = rounded_up(least)
            else:
                block[index] = NEVER
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


if __name__ == "__main__":
    sys.exit(main())
