"""The `gate` section of moderation.yaml: what a candidate must meet to reach staging."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from contract.evaluation.document import SliceKind
from contract.kinds.kinds import SETTINGS, Share

Metric = Literal[
    "macro_average_precision",
    "macro_auroc",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "micro_average_precision",
    "micro_f1",
]
Cost = Literal["false_positives_per_1000_clean", "expected_calibration_error"]
SliceMetric = Literal["macro_average_precision", "macro_f1", "subgroup_auc", "bpsn_auc", "bnsp_auc"]


def _floor_or_floors(value: Any) -> Any:
    for name, floor in value.items() if isinstance(value, dict) else [("", value)]:
        if isinstance(floor, bool) or (floor is not None and not isinstance(floor, int | float)):
            raise ValueError(f"{name + ': ' if name else ''}found {floor!r}, expected a number from 0 to 1")
        if floor is not None and not 0 <= floor <= 1:
            raise ValueError(f"{name + ': ' if name else ''}found {floor:g}, expected a number from 0 to 1")
    return value


FloorOrFloors = Annotated[float | Mapping[str, float] | None, BeforeValidator(_floor_or_floors)]


@dataclass(frozen=True, config=SETTINGS)
class ChampionRules:
    """What a candidate must meet against the model that is live in prod, on the same test rows."""

    no_label_worse: bool = False
    """Neither a label nor the mean over the labels may be worse in average precision beyond noise."""
    maximum_flip_share: Share | None = None
    """Greatest share of the test rows whose flag may change, label by label; None: no such rule."""
    no_behaviour_worse: bool = False
    """No group of the behaviour suite may lose."""
    behaviour_tolerance: Share = 0.0
    """Share of its cases that a group may lose all the same."""


@dataclass(frozen=True, config=SETTINGS)
class GateRules:
    """What a candidate must meet to reach staging; a rule that is empty or None is not applied."""

    mode: Literal["enforce", "report"] = "enforce"
    """`enforce`, or `report`: say what would have been stopped, and stop nothing."""
    minimum: Mapping[Metric, Share] = Field(default_factory=dict)
    """Metric name and its floor on the test split."""
    maximum: Mapping[Cost, Annotated[float, Field(ge=0, le=1000)]] = Field(default_factory=dict)
    """Metric name and its ceiling on the test split."""
    minimum_test_positives: Annotated[int, Field(ge=1)] | None = None
    """Positive test rows that each label needs: with fewer, its figures are chance, and no ground to decide on."""
    too_few_positives: Literal["fail", "report"] = "fail"
    """What the gate does where a label has too few: `fail`, or `report` it and go on."""
    baseline_margin: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Macro average precision, candidate minus baseline, must be at least this."""
    champion: ChampionRules = Field(default_factory=ChampionRules)
    """Against the model that is live in prod."""
    behaviour_minimum: FloorOrFloors = None
    """Least share of cases passed, in every group of the behaviour suite or in those that are named."""
    evasion_minimum: FloorOrFloors = None
    """Least share of the recall that evasion may leave, for every kind or for those that are named."""
    slice_minimum: Mapping[SliceKind, Mapping[SliceMetric, Share]] = Field(default_factory=dict)
    """Kind of slice and, for its metrics, the floor in every slice."""
    maximum_p95_milliseconds: Annotated[float, Field(gt=0, le=3_600_000)] | None = None
    """95 % of single texts must be answered within this, on the evaluation's machine."""
