"""Cross-validates the default recipe against both baselines on labelled files: who ranks better, and how sure is that.

Every fold is trained by train.py with the hyperparameters of moderation.yaml and scored as the endpoint scores. What a
system chooses (checkpoint, blend, regularisation), it chooses on rows of the training folds. All systems fit on the
same rows of a fold and are scored on the same rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from contract.dataset.labels import LABELS_FILE
from moderation.evaluation.baselines import baseline_probabilities
from moderation.fitting.base_model import from_base_model
from moderation.job.dataset import Split, read_labels, read_split
from moderation.metrics.ranking import rank, ranked_figures
from moderation.model import classifier as models
from moderation.model.batching import tokenise
from moderation.model.scoring import Scorer, choose_dtype, features, logits, sigmoid

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "moderation.yaml"
OURS, ENCODER, TFIDF, FROZEN = "default recipe", "its encoder alone", "TF-IDF + LR", "frozen encoder + LR"
SYSTEMS = (OURS, ENCODER, TFIDF, FROZEN)
INVERSE_REGULARISATIONS = (0.001, 0.01, 0.1, 1.0)  # among which the frozen baseline chooses
INNER_FOLDS = 10  # one of them is the validation split of the training folds
RESAMPLES = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the bench; returns the exit status."""
    parser = argparse.ArgumentParser(prog="quality.py", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a labelled file, or a directory with several")
    parser.add_argument("--rows", type=int, default=0, help="use at most so many rows of a file, 0: all of them")
    parser.add_argument("--folds", type=int, default=5, help="folds of a cross-validation")
    parser.add_argument("--repeats", type=int, default=1, help="cross-validations, each with folds of its own")
    parser.add_argument("--seed", type=int, default=13, help="seed of rows, folds and training")
    parser.add_argument("--base-model", type=Path, help="directory of the base model; that of moderation.yaml if left")
    parser.add_argument("--train", default="", help="further arguments of train.py, in one string")
    parser.add_argument("--workers", type=int, default=1, help="processes that train a fold together")
    parser.add_argument("--output", type=Path, default=ROOT / "reports", help="directory of quality-<file>.json")
    arguments = parser.parse_args(argv)

    base_model = arguments.base_model or fetched_base_model()
    files = sorted(path for path in arguments.data.iterdir() if is_data(path)) if arguments.data.is_dir() else []
    arguments.output.mkdir(parents=True, exist_ok=True)
    for path in files or [arguments.data]:
        result = cross_validate(path, base_model, arguments)
        print(table(result), flush=True)
    return 0


def is_data(path: Path) -> bool:
    """Whether the preparation would read the file."""
    return path.name.endswith((".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet"))


def fetched_base_model() -> Path:
    """The base model of moderation.yaml, kept below .local/."""
    from release.stages.base_model import fetch

    target = ROOT / ".local" / "bench" / "base-model"
    fetched = [path.parent for path in target.rglob(models.WEIGHTS)]
    return fetched[0] if fetched else fetch(yaml.safe_load(CONFIG.read_text())["base_model"]["source"], target, None)


def read_rows(path: Path, limit: int, seed: int) -> tuple[list[str], Split]:
    """Labels and rows of a file as the preparation takes them: checked, without duplicates, in a seeded order."""
    with tempfile.TemporaryDirectory() as temporary:
        raw, prepared = Path(temporary) / "raw", Path(temporary) / "dataset"
        raw.mkdir()
        (raw / path.name).symlink_to(path.resolve())
        command = [sys.executable, ROOT / "src" / "prepare.py", "--config", CONFIG, "--input", raw, "--output"]
        subprocess.run([*command, prepared], check=True, stdout=subprocess.DEVNULL)
        labels = read_labels(prepared)
        splits = [read_split(prepared / name, labels) for name in ("train", "validation", "test")]
    texts = [text for split in splits for text in split.texts]
    ids = [row_id for split in splits for row_id in split.ids]
    truth = np.concatenate([split.truth for split in splits])
    order = np.random.default_rng(seed).permutation(len(ids))[: limit or None]
    return labels, Split([ids[row] for row in order], [texts[row] for row in order], truth[order])


def fold_of(truth: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold (rows) of each row of truth (rows, labels); each combination of labels is dealt evenly, rare ones first.

    Where a combination leaves off, the next goes on, so that folds are of equal size.
    """
    keys = [tuple(np.flatnonzero(row == 1).tolist()) for row in truth]
    counts = Counter(keys)
    chance = np.random.default_rng(seed).random(len(keys))
    order = sorted(range(len(keys)), key=lambda row: (counts[keys[row]], keys[row], chance[row]))
    result = np.empty(len(keys), dtype=int)
    result[order] = np.arange(len(keys)) % folds
    return result


def part(rows: Split, chosen: np.ndarray) -> Split:
    """Some rows."""
    return Split([rows.ids[row] for row in chosen], [rows.texts[row] for row in chosen], rows.truth[chosen])


@dataclass(frozen=True)
class Fold:
    """Rows of one fold by number."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def folds_of(truth: np.ndarray, folds: int, seed: int) -> list[Fold]:
    """The folds of one cross-validation."""
    numbers = fold_of(truth, folds, seed)
    result = []
    for number in range(folds):
        others = np.flatnonzero(numbers != number)
        inner = fold_of(truth[others], INNER_FOLDS, seed + number)
        result.append(Fold(others[inner > 0], others[inner == 0], np.flatnonzero(numbers == number)))
    return result


@dataclass(frozen=True)
class Scores:
    """What a cross-validation has scored so far."""

    name: str
    """Of the file."""
    labels: list[str]
    truth: np.ndarray
    """(rows, labels)"""
    probs: dict[str, np.ndarray]
    """System to (repeats, rows, labels); NaN where a fold is still to come."""
    seconds: list[float]
    """That each training took."""

    @property
    def done(self) -> np.ndarray:
        """(repeats, rows): what was scored."""
        return ~np.isnan(self.probs[OURS]).any(axis=2)


def cross_validate(path: Path, base_model: Path, arguments: argparse.Namespace) -> dict:
    """Cross-validate on one file; the result is also written, anew after each fold."""
    labels, rows = read_rows(path, arguments.rows, arguments.seed)
    name = path.name.split(".")[0]
    print(f"{name}: {len(rows.ids)} rows, labels {', '.join(labels)}", flush=True)
    max_length = int(yaml.safe_load(CONFIG.read_text())["hyperparameters"].get("max-length", 128))
    frozen = frozen_features(base_model, rows.texts, labels, max_length)
    probs = {system: np.full((arguments.repeats, *rows.truth.shape), np.nan, dtype=np.float32) for system in SYSTEMS}
    scores = Scores(name, labels, rows.truth, probs, [])

    result: dict = {}
    for repeat in range(arguments.repeats):
        for number, fold in enumerate(folds_of(rows.truth, arguments.folds, arguments.seed + 100 * repeat)):
            train, validation, test = (part(rows, chosen) for chosen in (fold.train, fold.validation, fold.test))
            with tempfile.TemporaryDirectory() as temporary:
                started = time.monotonic()
                task = Task(labels, train, validation, base_model, arguments.seed + repeat)
                model_directory = trained(Path(temporary), task, arguments)
                scores.seconds.append(round(time.monotonic() - started, 1))
                of_fold = our_probabilities(model_directory, test.texts)
            of_fold[TFIDF] = baseline_probabilities(train.texts, train.truth, [test.texts])[0]
            of_fold[FROZEN] = frozen_probabilities(frozen, rows.truth, fold)
            for system, values in of_fold.items():
                probs[system][repeat, fold.test] = values

            shown = ", ".join(f"{key} {_macro(test.truth, of_fold[key]):.4f}" for key in SYSTEMS)
            seconds = scores.seconds[-1]
            print(f"{name}: repeat {repeat + 1} fold {number + 1}: {shown}, trained in {seconds} s", flush=True)
            result = summary(scores, vars(arguments))
            target = arguments.output / f"quality-{name}.json"
            target.write_text(json.dumps(result, indent=1, default=str), encoding="utf-8")
    return result


@dataclass(frozen=True)
class Task:
    """One training."""

    labels: list[str]
    train: Split
    validation: Split
    base_model: Path
    seed: int


def trained(directory: Path, task: Task, arguments: argparse.Namespace) -> Path:
    """The model directory of a training by train.py, in a process of its own, as a training job runs it."""
    for name, split in (("train", task.train), ("validation", task.validation)):
        (directory / name).mkdir()
        (directory / name / LABELS_FILE).write_text(json.dumps({"labels": task.labels}), encoding="utf-8")
        truth = pa.array(split.truth.tolist(), pa.list_(pa.float32()))
        pq.write_table(
            pa.table({"id": split.ids, "text": split.texts, "labels": truth}), directory / name / "p.parquet"
        )

    hyperparameters = {**yaml.safe_load(CONFIG.read_text())["hyperparameters"], "seed": task.seed}
    options = [text for key, value in hyperparameters.items() for text in (f"--{key}", str(value))]
    channels = {"train": "train", "validation": "validation", "model-dir": "model"}
    options += [text for key, place in channels.items() for text in (f"--{key}", str(directory / place))]
    start = [sys.executable]
    if arguments.workers > 1:
        start = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={arguments.workers}"]

    done = subprocess.run(
        [*start, str(ROOT / "src/train.py"), *options, "--base-model", str(task.base_model), *arguments.train.split()],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(directory)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"train.py ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return directory / "model"


def our_probabilities(model_directory: Path, texts: list[str]) -> dict[str, np.ndarray]:
    """Probabilities (rows, labels) of the trained model, and of its encoder without the n-grams."""
    scorer = Scorer.load(model_directory)
    tokens = tokenise(scorer.tokenizer, texts, scorer.max_length)
    encoder = sigmoid(logits(scorer.model, tokens, list(range(len(texts))), torch.float32))
    return {OURS: scorer.score(texts).probs, ENCODER: encoder}


def frozen_features(base_model: Path, texts: list[str], labels: list[str], max_length: int) -> np.ndarray:
    """Mean-pooled features (rows, hidden) of the frozen base model, computed once for all folds."""
    model = from_base_model(base_model, labels, models.Head(0.0, max_length), 0.0, None)
    tokens = tokenise(models.load_tokenizer(base_model), texts, max_length)
    return features(model, tokens, list(range(len(texts))), choose_dtype("auto", torch.device("cpu")))


def frozen_probabilities(frozen: np.ndarray, truth: np.ndarray, fold: Fold) -> np.ndarray:
    """Probabilities (test rows, labels) of balanced logistic regressions on standardised frozen features.

    Their common regularisation is the one with the best macro average precision on the fold's validation rows.
    """
    mean, spread = frozen[fold.train].mean(axis=0), frozen[fold.train].std(axis=0)
    standard = (frozen - mean) / np.maximum(spread, 0.05 * np.median(spread))
    candidates = [
        _regressions(standard, truth, fold.train, [fold.validation, fold.test], strength)
        for strength in INVERSE_REGULARISATIONS
    ]
    return max(candidates, key=lambda pair: _macro(truth[fold.validation], pair[0]))[1]


def _regressions(
    standard: np.ndarray, truth: np.ndarray, train: np.ndarray, others: list[np.ndarray], strength: float
) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    results = [np.full((len(rows), truth.shape[1]), 0.5, dtype=np.float32) for rows in others]
    for label in range(truth.shape[1]):
        annotated = train[~np.isnan(truth[train, label])]
        if 0 < truth[annotated, label].sum() < len(annotated):
            regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=300)
            regression.fit(standard[annotated], truth[annotated, label])
            for result, rows in zip(results, others, strict=True):
                result[:, label] = regression.predict_proba(standard[rows])[:, 1]
    return results


def _average_precisions(truth: np.ndarray, probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision (resamples, labels) under row weights (resamples, rows); NaN without a positive."""
    result = np.full((len(weights), truth.shape[1]), np.nan)
    for label in range(truth.shape[1]):
        if ranking := rank(truth[:, label], probs[:, label]):
            result[:, label] = ranked_figures(ranking, weights.T)[0]
    return result


def _macro(truth: np.ndarray, probs: np.ndarray) -> float:
    return float(np.nanmean(_average_precisions(truth, probs, np.ones((1, len(truth))))))


def summary(scores: Scores, arguments: dict) -> dict:
    """Figures of all systems on the rows that were scored, and ours minus each other with 95 % intervals.

    The folds of a repeat are pooled, repeats averaged; the bootstrap draws rows, the same for all systems and repeats.
    """
    done, truth = scores.done, scores.truth
    repeats = [repeat for repeat in range(len(done)) if done[repeat].any()]
    # a resample must have the same rows in every repeat: a repeat that is under way counts once it is whole
    repeats = [repeat for repeat in repeats if done[repeat].sum() == done[repeats[0]].sum()]
    chance = np.random.default_rng(13)
    rows = np.flatnonzero(done[repeats[0]])
    weights = np.concatenate(
        [np.ones((1, len(rows))), chance.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=RESAMPLES)]
    )

    precisions = {}  # system: (1 + resamples, labels)
    for system in SYSTEMS:
        each = [_average_precisions(truth[rows], scores.probs[system][repeat, rows], weights) for repeat in repeats]
        precisions[system] = np.mean(each, axis=0)
    differences = {}
    for system in SYSTEMS[1:]:
        difference = np.nanmean(precisions[OURS] - precisions[system], axis=1)
        low, high = np.percentile(difference[1:], [2.5, 97.5])
        differences[system] = {"difference": float(difference[0]), "low": float(low), "high": float(high)}

    return {
        "data": scores.name,
        "rows": len(rows),
        "repeats": len(repeats),
        "labels": {label: int(np.nansum(truth[rows, index])) for index, label in enumerate(scores.labels)},
        "macro_average_precision": {system: float(np.nanmean(values[0])) for system, values in precisions.items()},
        "average_precision": {
            system: dict(zip(scores.labels, values[0].tolist(), strict=True)) for system, values in precisions.items()
        },
        "default_minus": differences,
        "training_seconds": scores.seconds,
        "arguments": arguments,
    }


def table(result: dict) -> str:
    """The result for a terminal."""
    repeats = "" if result["repeats"] == 1 else f", mean of {result['repeats']} cross-validations"
    lines = [f"{result['data']}: {result['rows']} rows, macro average precision{repeats}"]
    for system, value in result["macro_average_precision"].items():
        line = f"  {system:22s} {value:.4f}"
        if system in result["default_minus"]:
            against = result["default_minus"][system]
            line += f"   ours {against['difference']:+.4f} ({against['low']:+.4f} to {against['high']:+.4f})"
        lines.append(line)
    lines.append(f"  training of a fold: at most {max(result['training_seconds']):.0f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
