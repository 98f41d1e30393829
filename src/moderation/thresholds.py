"""Chooses the score from which each label counts as flagged, and names the choice: policy.json."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MINIMUM_POSITIVES = 5  # below it, a label's own best threshold is chance
HALF_TRUST_POSITIVES = 15  # with so many, a label's own threshold counts half
SMALLEST, LARGEST = 0.001, 0.999


def choose_thresholds(truth: np.ndarray, probs: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Thresholds (labels) that maximise F1 on truth and probs (rows, labels) of the validation split.

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
    return np.round(chosen, 4)


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
    order = np.argsort(-probs, kind="stable")
    ranked = probs[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(truth[order])[last]
    f1 = 2 * hits / (truth.sum() + last + 1)
    best = last[int(np.argmax(f1))]
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[best] + below) / 2, SMALLEST, LARGEST))


def policy(labels: Sequence[str], thresholds: np.ndarray) -> dict[str, Any]:
    """The content of policy.json; equal thresholds have an equal id."""
    content = {
        label: {"threshold": round(float(threshold), 4)} for label, threshold in zip(labels, thresholds, strict=True)
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {"id": f"p-{digest[:12]}", "labels": content}


def read_policy(directory: Path, labels: Sequence[str]) -> tuple[str, np.ndarray]:
    """Id and thresholds (labels) of a model's policy.json. Raises ValueError where it does not fit the labels."""
    path = directory / "policy.json"
    if not path.is_file():
        raise ValueError(f"{directory}: found no policy.json, expected a model that train.py saved")
    content = json.loads(path.read_text(encoding="utf-8"))
    if sorted(content["labels"]) != sorted(labels):
        raise ValueError(
            f"{path}: found thresholds for {', '.join(content['labels'])}, expected one for each of {', '.join(labels)}"
        )
    return content["id"], np.array([content["labels"][label]["threshold"] for label in labels])


def _logit(probability: float) -> float:
    clipped = float(np.clip(probability, SMALLEST, LARGEST))
    return float(np.log(clipped / (1 - clipped)))


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
