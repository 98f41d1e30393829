"""What an evaluation reads: the prepared dataset and the behaviour cases."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.dataset.manifest import MANIFEST_FILE, SPLITS
from moderation.evaluation.behaviour import OWN_SUITE, Case, read_cases
from moderation.job.dataset import Split, read_labels, read_lineage, read_split


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """A prepared dataset with the behaviour cases that go beside it."""

    version: str
    lineage: str | None
    """Version of the dataset that the splits go back to; None where nobody noted it."""
    labels: list[str]
    """In the order of every array."""
    train: Split
    """What the baselines are fitted on."""
    validation: Split
    """What their thresholds are chosen on."""
    test: Split
    cases: list[Case]
    """Of our own suite and of further ones."""


def read_data(dataset: Path, suites: Sequence[Path]) -> EvaluationData:
    """Read a dataset and further suites. Raises ValueError where either can't be used."""
    manifest = dataset / MANIFEST_FILE
    if not manifest.is_file():
        raise ValueError(f"{dataset}: found no {MANIFEST_FILE}, expected a prepared dataset; run the preparation again")
    version = json.loads(manifest.read_text(encoding="utf-8"))["dataset_version"]
    labels = read_labels(dataset)
    train, validation, test = (read_split(dataset / name, labels) for name in SPLITS)
    cases = [case for path in (OWN_SUITE, *suites) for case in read_cases(path)]
    return EvaluationData(version, read_lineage(dataset), labels, train, validation, test, cases)
