"""The `policy` section of moderation.yaml: what is wanted of the thresholds."""

from collections.abc import Mapping

from pydantic import Field
from pydantic.dataclasses import dataclass

from contract.kinds.kinds import SETTINGS, Label, PositiveShare


@dataclass(frozen=True, config=SETTINGS)
class LabelTargets:
    """What is wanted of one label; what is None is chosen as for all labels."""

    review: PositiveShare | None = None
    """This review threshold and no other."""
    review_recall: PositiveShare | None = None
    """The highest review threshold that finds this share of the positives."""
    block: PositiveShare | None = None
    """This block threshold and no other."""
    block_precision: PositiveShare | None = None
    """The lowest block threshold above which this share of the rows is positive."""

    def __post_init__(self) -> None:
        for fixed, target in (("review", "review_recall"), ("block", "block_precision")):
            if getattr(self, fixed) is not None and getattr(self, target) is not None:
                raise ValueError(f"found {fixed} and {target} for one label, expected one of the two")
        if self.review is not None and self.block is not None and self.review > self.block:
            raise ValueError(f"found review {self.review} above block {self.block}, expected review <= block")


@dataclass(frozen=True, config=SETTINGS)
class Targets:
    """The `policy` section of moderation.yaml; its defaults are what train.py chooses by."""

    block_precision: PositiveShare = 0.9
    """Share of the rows above a block threshold that must be positive on validation."""
    review_recall: PositiveShare | None = None
    """Share of the positives that a review threshold must find on validation; None: the highest F1 decides."""
    labels: Mapping[Label, LabelTargets] = Field(default_factory=dict)
    """What differs for a label."""

    def of(self, label: str) -> LabelTargets:
        """What is wanted of a label, with what is wanted of all where it says nothing itself."""
        own = self.labels.get(label, LabelTargets())
        recall = self.review_recall if own.review is None and own.review_recall is None else own.review_recall
        precision = self.block_precision if own.block is None and own.block_precision is None else own.block_precision
        return LabelTargets(own.review, recall, own.block, precision)
