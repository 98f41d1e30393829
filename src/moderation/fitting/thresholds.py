"""Chooses the decision policy: from which score a label goes to a person, and from which it is blocked.

Scores are rounded as an endpoint shows them before anything is chosen by them, a review threshold is rounded down and a
block threshold up: what a policy promises holds exactly on the rows that it was chosen on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contract.model.policy import NEVER, SCORE_DIGITS
from contract.policy.targets import Targets
from moderation.fitting.validation_scores import read_scores
from moderation.model.policy import Policy, make_policy, read_policy

MINIMUM_POSITIVES = 5  # below it, a label's own best threshold is chance
HALF_TRUST_POSITIVES = 15  # with so many, a label's own threshold counts half
CAUTIOUS = 0.999  # where a block threshold goes that few positives speak for
STEP = 10.0**-SCORE_DIGITS
LOGIT_CLIP = 1e-9


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
    probs = np.round(probs.astype(np.float64), SCORE_DIGITS)
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
            block[index] = block_threshold(answers, scored, target.block_precision, float(review[index]))
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
    # a score of 0 says that a label does not apply
    return np.maximum(rounded_down(chosen), STEP)


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
    return float((ranked[count - 1] + below) / 2)


def best_threshold(truth: np.ndarray, probs: np.ndarray) -> float:
    """The threshold with the highest F1 for truth and probs (rows), half-way to the next lower score; .5 if no
    row is positive."""
    if not truth.sum():
        return 0.5
    ranked, last, hits = _steps(truth, probs)
    f1 = 2 * hits / (truth.sum() + last + 1)
    return _below(ranked, int(last[int(np.argmax(f1))]))


def block_threshold(truth: np.ndarray, probs: np.ndarray, precision: float, review: float = 0.0) -> float:
    """The lowest threshold with the wanted precision on truth and probs (rows), moved up where few positives speak
    for it; not below `review`, and NEVER where none has it.

    To block is graver than to ask a person: the threshold goes towards CAUTIOUS on the logit scale, the further the
    fewer positives are above it. Where it lands, the promise must hold as well.
    """
    own = precision_threshold(truth, probs, precision)
    if own == NEVER:
        return NEVER
    least = max(cautious(own, float(truth[probs >= own].sum())), review)
    if not (probs >= least).any():
        return min(rounded_up(least), NEVER)
    return precision_threshold(truth, probs, precision, least, spare=0)


def cautious(threshold: float, hits: float) -> float:
    """A block threshold that so many positives speak for, moved up on the logit scale: never down."""
    trust = hits / (hits + HALF_TRUST_POSITIVES)
    return max(threshold, _sigmoid(trust * _logit(threshold) + (1 - trust) * _logit(CAUTIOUS)))


def precision_threshold(
    truth: np.ndarray, probs: np.ndarray, precision: float, least: float = 0.0, spare: int = 1
) -> float:
    """The lowest threshold, not below `least`, from which on the share `precision` of the rows is positive; NEVER
    where none is.

    `spare` negative rows more than were seen are counted, so that a few lucky hits promise nothing: a precision of .9
    needs at least nine positives above the threshold.
    """
    if not truth.sum():
        return NEVER
    ranked, last, hits = _steps(truth, probs)
    kept = (hits >= precision * (last + 1 + spare)) & (ranked[last] >= least)
    reached = np.flatnonzero(kept)
    if not len(reached):
        return NEVER
    threshold = rounded_up(_below(ranked, int(last[reached[-1]])))
    return min(max(threshold, rounded_up(least)), NEVER)


def recall_threshold(truth: np.ndarray, probs: np.ndarray, recall: float) -> float:
    """The highest threshold that finds the share `recall` of the positives, of which truth has at least one.

    One missed positive more than was seen is counted; where that is too much to ask, all positives are found.
    """
    ranked, last, hits = _steps(truth, probs)
    enough = min(recall * (truth.sum() + 1), truth.sum())
    return float(rounded_down(_below(ranked, int(last[int(np.argmax(hits >= enough))]))))


def rounded_down(threshold: np.ndarray | float) -> np.ndarray:
    """The next lower threshold that can be shown, or this one; 1e-9 more is the same number in binary."""
    return np.round(np.floor(np.asarray(threshold) / STEP + 1e-3) * STEP, SCORE_DIGITS)


def rounded_up(threshold: float) -> float:
    """The next higher threshold that can be shown, or this one."""
    return float(np.round(np.ceil(threshold / STEP - 1e-3) * STEP, SCORE_DIGITS))


def _steps(truth: np.ndarray, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (rows) from the highest, the last row of each distinct score, and the positives down to there."""
    order = np.argsort(-probs, kind="stable")
    ranked = probs[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return ranked, last, np.cumsum(truth[order])[last]


def _below(ranked: np.ndarray, place: int) -> float:
    """Half-way from a score to the next lower one."""
    below = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float((ranked[place] + below) / 2)


def _logit(probability: float) -> float:
    clipped = float(np.clip(probability, LOGIT_CLIP, 1 - LOGIT_CLIP))
    return float(np.log(clipped / (1 - clipped)))


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
