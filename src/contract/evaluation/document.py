"""evaluation.json: what an evaluation found, written by evaluate.py and read by the gate, the registry and the pages.

A number that can't be computed is None (null): a mean leaves it out, and a rule about it fails.
"""

from typing import Literal, NotRequired, get_args

from typing_extensions import TypedDict

SCHEMA_VERSION: Literal[3] = 3
OtherSystem = Literal["champion", "baseline", "frozen_encoder"]
OTHER_SYSTEMS: tuple[OtherSystem, ...] = get_args(OtherSystem)
System = Literal["candidate", OtherSystem]
SYSTEMS: tuple[System, ...] = get_args(System)
MetricName = Literal[
    "macro_average_precision",
    "macro_auroc",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "micro_average_precision",
    "micro_f1",
    "false_positives_per_1000_clean",
    "expected_calibration_error",
]
LabelMetricName = Literal[
    "average_precision", "auroc", "precision", "recall", "f1", "threshold", "expected_calibration_error"
]
SliceKind = Literal["length", "language", "identity"]
HEADLINE: Literal["macro_average_precision"] = "macro_average_precision"
LEAST_ROWS = 20  # a slice's figure of fewer rows is chance
LEAST_POSITIVES = 5


class Interval(TypedDict):
    """The middle 95 % of the resamples."""

    low: float | None
    high: float | None


class Metrics(TypedDict):
    """Of a system over all labels, on the test rows, at its thresholds."""

    macro_average_precision: float | None
    macro_auroc: float | None
    macro_f1: float | None
    macro_precision: float | None
    macro_recall: float | None
    micro_average_precision: float | None
    micro_f1: float | None
    false_positives_per_1000_clean: float | None
    expected_calibration_error: float | None


class LabelMetrics(TypedDict):
    """Of a system for one label."""

    positives: int
    average_precision: float | None
    auroc: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float
    expected_calibration_error: float | None
    intervals: dict[str, Interval]
    """Of average_precision, auroc and f1."""


class SystemResult(TypedDict):
    """One of the systems that were scored on the same test rows."""

    metrics: Metrics
    intervals: dict[str, Interval]
    """Of macro_average_precision, macro_auroc and macro_f1."""
    labels: dict[str, LabelMetrics]


class Difference(TypedDict):
    """Average precision, candidate minus another system, on the same rows."""

    difference: float | None
    low: float | None
    high: float | None
    p_worse: float | None
    """Chance of such a loss were none of the labels worse, adjusted for their number."""
    p_better: float | None


class Comparison(TypedDict):
    """The candidate against another system."""

    macro_average_precision: Difference
    labels: dict[str, Difference]
    flips: dict[str, float]
    """Share of the test rows whose flag differs, by label."""


class Curves(TypedDict):
    """Of the candidate for one label."""

    precision_recall: list[list[float]]
    """Recall, precision, threshold of each point."""
    reliability: list[list[float]]
    """Mean score, share of positives, rows of each tenth of the score range that holds a row."""


class Confusion(TypedDict):
    """How many annotated rows of one label fall to each side."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


class IdentityAucs(TypedDict):
    """How texts that name a group are ranked (Borkan et al. 2019); low values show that it is unfair."""

    subgroup_auc: float | None
    bpsn_auc: float | None
    bnsp_auc: float | None


class Slice(TypedDict):
    """Figures of a part of the test rows."""

    rows: int
    positives: int
    macro_average_precision: float | None
    macro_f1: float | None
    false_positive_rate: float | None
    subgroup_auc: NotRequired[float | None]
    """This and the next two for texts that name a group: IdentityAucs."""
    bpsn_auc: NotRequired[float | None]
    bnsp_auc: NotRequired[float | None]


class BehaviourGroup(TypedDict):
    """Behaviour cases of one group."""

    cases: int
    passed: int
    share: float


class EvasionKind(TypedDict):
    """What one kind of evasion leaves of the recall."""

    rows: int
    recall_clean: float | None
    recall_evaded: float | None
    kept: float | None


class Latency(TypedDict):
    """Of answers on the machine of the evaluation."""

    p50_milliseconds: float
    p95_milliseconds: float
    texts_per_second: float


class Mistake(TypedDict):
    """A row on which the candidate was most wrong."""

    id: str
    label: str
    truth: int
    score: float


class SplitRows(TypedDict):
    """Rows that were scored."""

    validation: int
    test: int


class SlicesOfBoth(TypedDict):
    """Kind of slice to slice, of candidate and champion."""

    candidate: dict[str, dict[str, Slice]]
    champion: dict[str, dict[str, Slice]] | None


class BehaviourOfBoth(TypedDict):
    """Group to cases passed, of candidate and champion."""

    candidate: dict[str, BehaviourGroup]
    champion: dict[str, BehaviourGroup] | None


class EvasionOfBoth(TypedDict):
    """Kind of evasion to recall kept, of candidate and champion."""

    candidate: dict[str, EvasionKind]
    champion: dict[str, EvasionKind] | None


class LatencyOfBoth(TypedDict):
    """Answer times of candidate and champion."""

    candidate: Latency
    champion: Latency | None


class Comparisons(TypedDict):
    """The candidate against each other system that there is."""

    champion: Comparison | None
    baseline: Comparison
    frozen_encoder: Comparison | None


class Evaluation(TypedDict):
    """evaluation.json."""

    schema_version: Literal[3]
    dataset_version: str
    rows: SplitRows
    labels: list[str]
    """In the order of every array."""
    policy_id: str
    candidate: SystemResult
    champion: SystemResult | None
    """The model live in prod; None on a first run, or where it is not compared."""
    baseline: SystemResult
    """TF-IDF and logistic regression."""
    frozen_encoder: SystemResult | None
    """The base model's encoder as it was, with a linear head."""
    champion_left_out: str | None
    """Why the live model is not compared; None where it is, or where there is none."""
    labels_dropped: list[str]
    """Labels of the live model that this one does not know."""
    comparison: Comparisons
    curves: dict[str, Curves]
    confusion: dict[str, Confusion]
    slices: SlicesOfBoth
    behaviour: BehaviourOfBoth
    evasion: EvasionOfBoth
    latency: LatencyOfBoth
    worst_mistakes: list[Mistake]
    seconds: dict[str, float]
    """What each kind of work took."""
