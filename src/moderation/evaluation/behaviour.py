"""Behaviour cases: short texts whose right answer is known, in groups that each test one ability.

The form is HateCheck's as published (Röttger et al. 2021), so that its CSV can be read as it is: `functionality`,
`case_id`, `test_case`, `label_gold` (`hateful` or `non-hateful`); other columns are left alone. A further column,
`labels`, is our own: the labels that a case tests, with `|` between; without it, or empty, it tests any label.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.evaluation.document import BehaviourGroup

OWN_SUITE = Path(__file__).with_name("behaviour.csv")
COLUMNS = ("functionality", "case_id", "test_case", "label_gold")
GOLD = {"hateful": True, "non-hateful": False}


@dataclass(frozen=True)
class Case:
    """One text and whether it must be flagged."""

    id: str
    group: str
    """The ability it tests."""
    text: str
    flagged: bool
    """True: at least one of its labels must be flagged; False: none of them may be."""
    labels: tuple[str, ...]
    """The labels that it tests; empty: all that a model has."""


def read_cases(path: Path) -> list[Case]:
    """The cases of a CSV file. Raises ValueError where it has not this form."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}: found no column {', '.join(missing)}, expected {', '.join(COLUMNS)} as in HateCheck's CSV"
            )
        cases = [_case(path, number, row) for number, row in enumerate(reader, 1)]
    if not cases:
        raise ValueError(f"{path}: found no case, expected at least one row below the header")
    return cases


def passed_by_group(cases: Sequence[Case], labels: Sequence[str], flags: np.ndarray) -> dict[str, BehaviourGroup]:
    """Group to cases, passed and share, over the cases that test one of a model's labels.

    flags (cases, labels). A group without such a case is left out.
    """
    groups: dict[str, list[bool]] = {}
    for case, row in zip(cases, flags, strict=True):
        columns = [index for index, label in enumerate(labels) if not case.labels or label in case.labels]
        if columns:
            groups.setdefault(case.group, []).append(bool(row[columns].any()) == case.flagged)
    return {
        name: {"cases": len(passed), "passed": sum(passed), "share": sum(passed) / len(passed)}
        for name, passed in groups.items()
    }


def _case(path: Path, number: int, row: dict[str, str | None]) -> Case:
    group, case_id, text, gold = ((row[name] or "") for name in COLUMNS)
    empty = [name for name in COLUMNS if not (row[name] or "").strip()]
    if empty:
        raise ValueError(f"{path}: row {number}: found nothing in {', '.join(empty)}, expected a value in each column")
    if gold not in GOLD:
        raise ValueError(f"{path}: row {number}: found label_gold {gold!r}, expected {' or '.join(GOLD)}")
    labels = tuple(name.strip() for name in (row.get("labels") or "").split("|") if name.strip())
    return Case(case_id, group, text, GOLD[gold], labels)
