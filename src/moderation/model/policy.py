"""The decision policy as it is applied: two thresholds a label."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.model.archive import POLICY_FILE
from contract.model.policy import NEVER, SCORE_DIGITS, LabelThresholds, PolicyDocument


@dataclass(frozen=True, eq=False)
class Policy:
    """Two thresholds a label; equal thresholds have an equal id."""

    id: str
    labels: tuple[str, ...]
    review: np.ndarray
    """(labels): a score at or above it is flagged."""
    block: np.ndarray
    """(labels): a score at or above it is blocked; never below review."""

    def content(self) -> PolicyDocument:
        """What policy.json holds."""
        return {"id": self.id, "labels": _thresholds(self.labels, self.review, self.block)}

    def decisions(self, scores: np.ndarray) -> np.ndarray:
        """For scores (rows, labels) the place in DECISIONS (rows, labels): 0 allow, 1 review, 2 block."""
        blocked = (scores >= self.block) & (self.block < NEVER)
        return (scores >= self.review).astype(np.int8) + blocked


def make_policy(labels: Sequence[str], review: np.ndarray, block: np.ndarray) -> Policy:
    """The policy of these thresholds, review and block (labels), with the id that its content gives it."""
    review = np.round(np.asarray(review, dtype=np.float64), SCORE_DIGITS)
    block = np.maximum(np.round(np.asarray(block, dtype=np.float64), SCORE_DIGITS), review)
    canonical = json.dumps(_thresholds(labels, review, block), sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Policy(f"p-{digest[:12]}", tuple(labels), review, block)


def read_policy(directory: Path, labels: Sequence[str]) -> Policy:
    """A model's policy.json, in the order of `labels`. Raises ValueError where it does not fit them."""
    path = directory / POLICY_FILE
    if not path.is_file():
        raise ValueError(f"{directory}: found no {POLICY_FILE}, expected a model that train.py saved")
    content = json.loads(path.read_text(encoding="utf-8"))
    thresholds = content["labels"]
    if sorted(thresholds) != sorted(labels):
        raise ValueError(
            f"{path}: found thresholds for {', '.join(thresholds)}, expected one for each of {', '.join(labels)}"
        )
    if not all({"review", "block"} <= set(both) for both in thresholds.values()):
        raise ValueError(f"{path}: found a label without review or block threshold, expected both; train again")
    review, block = (np.array([thresholds[label][name] for label in labels]) for name in ("review", "block"))
    return Policy(content["id"], tuple(labels), review, block)


def write_policy(policy: Policy, directory: Path) -> None:
    """Write policy.json."""
    (directory / POLICY_FILE).write_text(json.dumps(policy.content(), indent=1, ensure_ascii=False), encoding="utf-8")


def _thresholds(labels: Sequence[str], review: np.ndarray, block: np.ndarray) -> dict[str, LabelThresholds]:
    return {
        label: {"review": float(lower), "block": float(upper)}
        for label, lower, upper in zip(labels, review, block, strict=True)
    }
