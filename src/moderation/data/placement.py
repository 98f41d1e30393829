"""What becomes of each row: left out, or put into a split."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from contract.data.section import DataConfig
from contract.dataset.manifest import SPLITS
from moderation.data.duplicates import drop_duplicates
from moderation.data.previous import Previous, earlier_splits
from moderation.data.splitting import FREE, RowsToSplit, stratified_split
from moderation.rows.labels import parts_of
from moderation.rows.row import EXAMPLES_PER_KIND, Rejections, shown
from moderation.rows.spool import Spool


@dataclass(frozen=True)
class Placed:
    """What becomes of the rows of a spool."""

    labels: list[str]
    positive: np.ndarray
    """(combinations, labels) bool: what each combination of the spool stands for."""
    unannotated: np.ndarray
    """(combinations, labels) bool: the labels that nobody decided."""
    split: np.ndarray
    """(rows,) index into SPLITS, or FREE for a row that is left out."""
    earlier: np.ndarray
    """(rows,) the split it had in the dataset before, or FREE."""
    conflicting: int
    """Duplicates whose labels differ from those of the row that stayed."""
    similarity: float | None
    """From which texts are near-duplicates; None where nobody asked."""
    cluster_sizes: np.ndarray
    """(clusters of more than one row,) rows of each."""
    loosened: int
    """Rows of clusters that were too large for a split, and are held together by a higher similarity only."""


def place(config: DataConfig, spool: Spool, rejections: Rejections, previous: Previous | None) -> Placed:
    """Decide which rows stay and where. Raises ValueError where what is left can't be learnt from or measured on."""
    unique = drop_duplicates(spool, rejections)
    earlier, gone = np.full(spool.rows, FREE, np.int8), np.zeros(0, np.int8)
    if previous:
        earlier, gone = earlier_splits(previous, spool, unique.kept)
    clustered = _cluster(spool, unique.kept, earlier, gone, rejections)

    rows = np.flatnonzero(clustered.kept)
    labels, positive, unannotated = check_labels(spool, rows, config)
    train_fraction = 1 - config.validation_fraction - config.test_fraction
    split = np.full(spool.rows, FREE, np.int8)
    split[rows] = stratified_split(
        RowsToSplit(
            positive,
            spool.combination[rows],
            spool.keys[rows],
            clustered.clusters[rows],
            clustered.settled[rows],
        ),
        (train_fraction, config.validation_fraction, config.test_fraction),
    )
    for number, name in enumerate(SPLITS):
        if not (split == number).any():
            raise ValueError(
                f"found {len(rows)} usable rows, too few for a {name} split; add rows or change its fraction"
            )
    return Placed(
        labels=labels,
        positive=positive,
        unannotated=unannotated,
        split=split,
        earlier=earlier,
        conflicting=unique.conflicting,
        similarity=config.near_duplicates,
        cluster_sizes=clustered.sizes[clustered.sizes > 1],
        loosened=clustered.loosened,
    )


@dataclass(frozen=True, eq=False)
class _Clustered:
    """Rows held together by their near-duplicates."""

    kept: np.ndarray
    """(rows,) bool: without those that an earlier dataset leaves no split to."""
    clusters: np.ndarray
    """(rows,) number of each kept row's cluster."""
    settled: np.ndarray
    """(rows,) the split that an earlier dataset decides for a row or its cluster, or FREE."""
    sizes: np.ndarray
    """(clusters,) rows of each, with those that are not kept."""
    loosened: int
    """Rows of clusters that were too large for a split."""


def _cluster(
    spool: Spool, kept: np.ndarray, earlier: np.ndarray, gone: np.ndarray, rejections: Rejections
) -> _Clustered:
    """Cluster the kept rows (rows,) bool, together with those that are gone since the earlier dataset (gone rows,)."""
    clusters = np.arange(spool.rows)
    if not spool.signatures:
        return _Clustered(kept, clusters, earlier, np.zeros(0, np.int64), 0)

    spool.signatures.finish()
    rows = np.flatnonzero(kept)
    members = np.concatenate([rows, spool.rows + np.arange(len(gone))])
    of_members, loosened = spool.signatures.clusters(members)
    splits, bridging = settle(of_members, np.concatenate([earlier[kept], gone]))
    _leave_out(spool, rejections, rows[bridging[: len(rows)]])

    clusters[rows] = of_members[: len(rows)]
    # rows that an earlier dataset put apart stay apart, now that nothing stands between them
    pinned = rows[earlier[rows] != FREE]
    clusters[pinned] = len(members) + np.arange(len(pinned))
    settled = earlier.copy()
    settled[rows] = np.where(earlier[rows] == FREE, splits[: len(rows)], earlier[rows])
    still_kept = kept.copy()
    still_kept[rows[bridging[: len(rows)]]] = False
    return _Clustered(still_kept, clusters, settled, np.bincount(of_members[: len(rows)]), loosened)


def settle(clusters: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The split that each row's cluster has from an earlier dataset, or FREE; and which new rows can have none.

    A new row whose cluster reaches into two splits would be nearly the same as rows on both sides.
    """
    lowest = np.full(clusters.max(initial=-1) + 1, len(SPLITS), np.int8)
    highest = np.full(len(lowest), FREE, np.int8)
    old = earlier != FREE
    np.minimum.at(lowest, clusters[old], earlier[old])
    np.maximum.at(highest, clusters[old], earlier[old])
    between = (lowest < highest)[clusters]
    return highest[clusters], between & ~old


def separated_combinations(
    spool: Spool, rows: np.ndarray, config: DataConfig
) -> list[tuple[frozenset[str], frozenset[str]]]:
    """The spool's combinations of labels, where a cell that holds several labels stands for those.

    `insult,threat` is two labels where both are labels of other rows. Raises ValueError where they are not, and where
    two labels differ in case only: nothing is guessed.
    """
    combinations = spool.combinations
    if config.labels or config.label_fields or config.classes or config.multi_hot:
        return combinations
    used = set(spool.combination[rows].tolist())
    found = {label for number in used for label in combinations[number][0]}
    plain = {label for label in found if len(parts_of(label)) == 1}
    for label in sorted(found - plain):
        if not plain.issuperset(parts_of(label)):
            row = next(row for row in rows.tolist() if label in combinations[spool.combination[row]][0])
            raise ValueError(
                f"{spool.place(row)}: found the label {shown(label)}, expected one label, or several that other rows "
                "have alone; write several as a JSON list or with | between, or name all labels in data.labels"
            )
    by_case: dict[str, str] = {}
    for label in sorted(plain):
        other = by_case.setdefault(label.casefold(), label)
        if other != label:
            raise ValueError(
                f"found the labels {shown(other)} and {shown(label)}, which differ in case only; spell them alike, or "
                "name both in data.labels"
            )
    return [
        (frozenset(part for label in positive for part in parts_of(label)), unannotated)
        for positive, unannotated in combinations
    ]


def check_labels(spool: Spool, rows: np.ndarray, config: DataConfig) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The labels in the order of every array, after checking that each has rows to learn from and be measured on.

    With them come (combinations, labels) bool: which of the spool's combinations hold a label, and which leave it open.
    """
    combinations = separated_combinations(spool, rows, config)
    count = np.bincount(spool.combination[rows], minlength=len(combinations))
    positives: Counter[str] = Counter()
    for (positive, _), number in zip(combinations, count.tolist(), strict=True):
        if number:
            positives.update(dict.fromkeys(positive, number))

    # a label that is named must not vanish because an export lost its positives
    named = config.labels or config.label_fields or config.multi_hot or config.classes.values()
    labels = sorted(set(named or positives))
    if not labels:
        raise ValueError(
            f"found {len(rows)} usable rows and not one positive label, expected labelled rows; check the label fields "
            "in the data section of moderation.yaml"
        )
    rare = [label for label in labels if positives[label] < config.minimum_positives]
    if rare:
        counts = ", ".join(f"{positives[label]} of {label}" for label in rare)
        raise ValueError(
            f"found too few positive rows ({counts}), expected at least {config.minimum_positives} a label; add rows, "
            "lower data.minimum_positives, or leave the label out of the data"
        )

    sets = [np.array([[label in pair[kind] for label in labels] for pair in combinations], bool) for kind in range(2)]
    return labels, sets[0], sets[1]


def _leave_out(spool: Spool, rejections: Rejections, rows: np.ndarray) -> None:
    for row in rows[:EXAMPLES_PER_KIND].tolist():
        found = "a text nearly the same as rows in different splits of the dataset before"
        rejections.add(spool.problem("between_splits", row, found, "one split for all of them"))
    rejections.add_more("between_splits", len(rows) - EXAMPLES_PER_KIND)
