"""The decision policy: from which score a label goes to a person, and from which it is blocked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contract.model.policy import NEVER
from contract.policy.targets import Targets
from moderation.fitting.validation_scores import read_scores
from moderation.model.policy import DIGITS, Policy, make_policy, read_policy

MINIMUM_POSITIVES = 5  # below it, a label's own best threshold is chance
HALF_TRUST_POSITIVES = 15  # with so many, a label's own threshold counts half
SMALLEST, LARGEST = 0.001, 0.999


def choose_policy(
    labels: Sequence[str],
    truth: np.ndarray,
    probs: np.ndarray,
    prevalence: np.ndarray,
    targets: Targets | None = None,
) -> Policy:
    """The policy that meets the targets on truth and probs (rows, labels) of the validation split.

    prevalence (labels): the share of positives in the train split. Raises ValueError for targets of an unknown label.
    """
    targets = targets or Targets()
    if unknown := sorted(set(targets.labels) - set(labels)):
        raise ValueError(
            f"policy.labels: found the unknown label {', '.join(unknown)}, expected one of {', '.join(labels)}"
        )
    review, block = choose_review(truth, probs, prevalence), np.full(len(labels), NEVER)
    for index, label in enumerate(labels):
        target = targets.of(label)
        annotated = ~np.isnan(truth[:, index])
        answers, scored = truth[annotated, index], probs[annotated, index]
        if target.review is not None:
            review[index] = target.review
        elif target.review_recall is not None and answers.sum():
            review[index] = recall_threshold(answers, scored, target.review_recall)

        if target.block is not None:
            block[index] = target.block
        elif target.block_precision is not None:
            block[index] = block_threshold(answers, scored, target.block_precision)
        # a fixed block threshold is a promise: what would be reviewed above it gives way
        if target.block is not None and target.review is None:
            review[index] = min(review[index], target.block)
    return make_policy(labels, review, block)


def effective_policy(directory: Path, labels: Sequence[str], targets: Targets) -> Policy:
    """The policy with which a trained model is released: the one it was saved with, or the one the targets ask for."""
    trained = read_policy(directory, labels)
    # train.py chose by the defaults
    if targets == Targets():
        return trained
    scores = read_scores(directory)
    return choose_policy(labels, scores.truth, scores.probs, scores.prevalence, targets)


def choose_review(truth: np.ndarray, probs: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Review thresholds (labels) that maximise F1 on truth and probs (rows, labels) of the validation split.

    A threshold chosen on few positives overfits them, so it is shrunk, on the logit scale, towards the one that flags
    as many validation rows as `prevalence` (labels), the share of positives in the train split, lets expect; a label
    with fewer than MINIMUM_POSITIVES takes that one.
    """
    chosen = np.empty(truth.shape[1])
    for index in range(truth.shape[1]):
        annotated = ~np.isnan(truth[:, index])
        answers, scored = truth[annotated, index], probs[annotated, index]
        expected = prevalence_threshold(scored, float(prevalence[index]))
        own = best_threshold(answers, scored)

        # with HALF_TRUST_POSITIVES the two weigh the same; a mean of logits, for scores crowd near 0
        positives = answers.sum()
        trust = positives / (positives + HALF_TRUST_POSITIVES) if positives >= MINIMUM_POSITIVES else 0.0
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
    """The lowest threshold with this precision on truth and probs (rows), shrunk for few positives.

    To block is graver than to ask a person: what few positives above it speak for is moved, on the logit scale,
    towards LARGEST. Where no threshold reaches the precision it is NEVER.
    """
    own = precision_threshold(truth, probs, precision)
    return NEVER if own == NEVER else cautious(own, float(truth[probs >= own].sum()))


def cautious(threshold: float, hits: float) -> float:
    """A block threshold moved towards LARGEST, the further the fewer positives (hits) speak for it."""
    trust = hits / (hits + HALF_TRUST_POSITIVES)
    return _sigmoid(trust * _logit(threshold) + (1 - trust) * _logit(LARGEST))


def precision_threshold(truth: np.ndarray, probs: np.ndarray, precision: float) -> float:
    """The lowest threshold above which the share `precision` of the rows is positive, NEVER where none is.

    One clean row more than was seen is assumed above it, so that a few lucky hits promise nothing: a precision of .9
    needs at least nine positives above the threshold.
    """
    if not truth.sum():
        return NEVER
    ranked, last, hits = _steps(truth, probs)
    reached = np.flatnonzero(hits >= precision * (last + 2))
    return _below(ranked, int(last[reached[-1]])) if len(reached) else NEVER


def recall_threshold(truth: np.ndarray, probs: np.ndarray, recall: float) -> float:
    """The highest threshold that finds the share `recall` of the positives, of which truth has at least one.

    One missed positive more than was seen is assumed; where that is too much to ask, all positives are found.
    """
    ranked, last, hits = _steps(truth, probs)
    needed = min(recall * (truth.sum() + 1), truth.sum())
    return _below(ranked, int(last[int(np.argmax(hits >= needed))]))


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


def _logit(probability: float) -> float:
    clipped = float(np.clip(probability, SMALLEST, LARGEST))
    return float(np.log(clipped / (1 - clipped)))


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
