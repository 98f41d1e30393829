"""Judges a candidate on the test split, beside the champion and the TF-IDF baseline on the same rows."""

import argparse
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moderation.container import say, write_exit_message
from moderation.dataset import Split, read_labels, read_split
from moderation.metrics import compare, scores
from moderation.policy import choose_review, prevalences, read_policy, read_targets
from moderation.shipping import ARCHIVE, ship

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Judged:
    """A model's answers on the test split."""

    labels: list[str]
    policy_id: str
    thresholds: np.ndarray
    """(labels)"""
    probs: np.ndarray
    """(rows, labels)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the evaluation; returns the exit status."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="moderation.yaml of the release that is judged")
    parser.add_argument("--candidate", type=Path, required=True, help=f"directory with the candidate's {ARCHIVE}")
    parser.add_argument("--champion", type=Path, help=f"directory with the live model's {ARCHIVE}; none on a first run")
    parser.add_argument("--dataset", type=Path, required=True, help="the whole prepared dataset")
    parser.add_argument(
        "--output", type=Path, required=True, help="directory for evaluation.json, report.html, policy.json"
    )
    arguments = parser.parse_args(argv)
    try:
        candidate = ship(arguments.candidate, read_targets(arguments.config), arguments.output)
        result = evaluate(candidate, arguments.champion, arguments.dataset)
        write_results(result, arguments.output)
    except ValueError as error:
        write_exit_message(error)
        say(f"evaluate: {error}")
        return 1
    except Exception as error:
        write_exit_message(error)
        raise
    return 0


def evaluate(candidate_directory: Path, champion_directory: Path | None, dataset: Path) -> dict[str, Any]:
    """The content of evaluation.json. Raises ValueError where a model or the dataset can't be used."""
    manifest = dataset / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"{dataset}: found no manifest.json, expected a prepared dataset; run the preparation again")
    version = json.loads(manifest.read_text(encoding="utf-8"))["dataset_version"]
    labels = read_labels(dataset)
    train, validation, test = (read_split(dataset / name, labels) for name in ("train", "validation", "test"))
    candidate = judge(candidate_directory, test, "candidate")
    if candidate.labels != labels:
        raise ValueError(
            f"candidate: found a model for the labels {', '.join(candidate.labels)}, expected {', '.join(labels)} as "
            "in the dataset; train on this dataset"
        )
    champion = judge(champion_directory, test, "champion") if champion_directory else None
    shared = [label for label in labels if champion and label in champion.labels]
    if champion and not shared:
        say("the champion knows none of the labels of this dataset: it can't be compared")
    started = time.monotonic()
    thresholds, baseline_probs = judge_baseline(train, validation, test)
    say(f"baseline fitted and scored in {time.monotonic() - started:.1f} s")
    result = {
        "schema_version": SCHEMA_VERSION,
        "dataset_version": version,
        "rows": {"validation": len(validation.ids), "test": len(test.ids)},
        "labels": labels,
        "policy_id": candidate.policy_id,
        "candidate": scores(labels, test.truth, candidate.probs, candidate.thresholds),
        "champion": None,
        "baseline": scores(labels, test.truth, baseline_probs, thresholds),
        "comparison": None,
    }
    if shared:
        rows = [labels.index(label) for label in shared]
        theirs = [champion.labels.index(label) for label in shared]
        truth, champion_probs = test.truth[:, rows], champion.probs[:, theirs]
        result["champion"] = scores(shared, truth, champion_probs, champion.thresholds[theirs])
        result["comparison"] = compare(shared, truth, candidate.probs[:, rows], champion_probs)
    return result


def judge(directory: Path, test: Split, name: str) -> Judged:
    """Score the test split with the model in a directory's archive, as the endpoint would: fp32, its own policy."""
    import transformers

    from moderation.scoring import Scorer

    transformers.logging.set_verbosity_error()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = unpack(directory, Path(temporary), name)
        scorer = Scorer.load(unpacked)
        policy = read_policy(unpacked, scorer.labels)
        probs = scorer.score(test.texts).probs
    seconds = time.monotonic() - started
    say(f"{name} scored {len(test.texts)} rows in {seconds:.1f} s, policy {policy.id}")
    return Judged(scorer.labels, policy.id, policy.review, probs)


def unpack(directory: Path, target: Path, name: str) -> Path:
    """Unpack a model archive; members outside the target are refused. Raises ValueError where it is damaged."""
    path = directory / ARCHIVE
    if not path.is_file():
        raise ValueError(f"{name}: found no {ARCHIVE} in {directory}, expected the output of a training job")
    try:
        with tarfile.open(path) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"{name}: found a damaged {ARCHIVE} ({type(error).__name__}), expected the output of a training job"
        ) from error
    return target


def judge_baseline(train: Split, validation: Split, test: Split) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds (labels) chosen on validation and probabilities (test rows, labels) of the baseline."""
    from moderation.baseline import baseline_probabilities

    validation_probs, test_probs = baseline_probabilities(train.texts, train.truth, [validation.texts, test.texts])
    return choose_review(validation.truth, validation_probs, prevalences(train.truth)), test_probs


def write_results(result: dict[str, Any], output: Path) -> None:
    """Write evaluation.json and report.html, each under a temporary name first, and say the main figures."""
    from moderation.report import report_page

    output.mkdir(parents=True, exist_ok=True)
    pages = {"report.html": report_page(result), "evaluation.json": json.dumps(result, indent=1, ensure_ascii=False)}
    for name, text in pages.items():
        partial = output / f".{name}.partial-{os.getpid()}"
        partial.write_text(text, encoding="utf-8")
        shutil.move(partial, output / name)
    for system in ("candidate", "champion", "baseline"):
        if result[system]:
            named = result[system]["metrics"]
            values = ", ".join(f"{key} {_shown(named[key])}" for key in named if key.startswith("macro_"))
            say(f"{system}: {values}")


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"
