"""Which epoch's model is kept: the best one on validation."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Best:
    """The epoch whose model is kept."""

    step: int
    """Steps that it had made; its weights are in the checkpoint of that step, unless it is the last."""
    score: float
    """Its macro average precision on validation."""
    waited: int = 0
    """Epochs since then that were worse."""


def after_epoch(best: Best | None, step: int, score: float | None) -> Best:
    """The best epoch after one more that ended at `step` with `score`; of equal ones, the later.

    Where validation has no positive, there is no score, and every epoch is as good as any other.
    """
    value = 0.0 if score is None else score
    return Best(step, value) if best is None or value >= best.score else replace(best, waited=best.waited + 1)
