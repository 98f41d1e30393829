"""Samples/s of the training loop beside the plain tutorial way, and of two ranks beside one, on the same rows.

The tutorial way is the stock Trainer: AutoModelForSequenceClassification in fp32, texts padded to the maximum length.
Both sides train the same rows with the same base model, batch size and threads, one epoch, in processes of their own
that take turns; what counts is the wall time of Trainer.train(), start of the loop and collating included. Two ranks
share the batch of one; once more they do so with a batch of twice the size, in which each has as many rows as one had.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from quality import ROOT, fetched_base_model, read_rows

from contract.dataset.labels import LABELS_FILE
from moderation.data import demonstration
from moderation.job.container import say

MARK = "loop seconds "
VALIDATION_ROWS = 16  # scored once after the loop; not part of what is measured


@dataclass(frozen=True)
class Way:
    """One way to train, measured in processes of its own."""

    side: str
    """`stock` or `ours`."""
    processes: int
    threads: int
    """Of each process."""
    batch_size: int
    """Rows of a step."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the bench; returns the exit status."""
    arguments = parser().parse_args(argv)
    if arguments.child:
        {"stock": train_stock, "ours": train_ours}[arguments.child](arguments)
        return 0

    arguments.base_model = arguments.base_model or fetched_base_model()
    with tempfile.TemporaryDirectory() as temporary:
        tokens = write_rows(Path(temporary), arguments)
        print(f"{arguments.rows} rows of {tokens:.0f} tokens on average, filled to {arguments.max_length}", flush=True)
        speeds = measured(Path(temporary), arguments)

    over_tutorial = ratios(speeds, "ours, 1 thread", "tutorial, 1 thread")
    over_one = ratios(speeds, "ours, 2 ranks", "ours, 2 threads")
    over_one_of_twice = ratios(speeds, "twice the batch, 2 ranks", "twice the batch, 2 threads")
    size = arguments.batch_size
    result = {
        "rows": arguments.rows,
        "mean_tokens": round(tokens, 1),
        "precision": arguments.precision,
        "batch_size": size,
        "samples_per_second": speeds,
        "ours_over_tutorial": over_tutorial,
        "two_ranks_over_one": over_one,
        "two_ranks_over_one_with_twice_the_batch": over_one_of_twice,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "bench-train.json").write_text(json.dumps(result, indent=1), encoding="utf-8")

    print(f"ours over the tutorial way: {in_words(over_tutorial)} times (target: 4)")
    print(f"two ranks over one with the same threads: {in_words(over_one)} (target: 0.9)")
    print(f"the same with {2 * size} rows a step, {size} a rank: {in_words(over_one_of_twice)}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    result = argparse.ArgumentParser(prog="training.py", description=__doc__)
    result.add_argument("--data", type=Path, help="a labelled file; the demonstration set if left")
    result.add_argument("--rows", type=int, default=768, help="rows that are trained")
    result.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="of ours; stock has fp32")
    result.add_argument("--passes", type=int, default=3, help="times that each way is run; the median ratio counts")
    result.add_argument("--max-length", type=int, default=128, help="tokens a text is cut to, and the stock way fills")
    result.add_argument("--batch-size", type=int, default=16, help="rows of one step over all workers together")
    result.add_argument("--base-model", type=Path, help="directory of the base model; that of moderation.yaml if left")
    result.add_argument("--output", type=Path, default=ROOT / "reports", help="directory of bench-train.json")
    result.add_argument("--child", choices=("stock", "ours"), help=argparse.SUPPRESS)
    result.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    return result


def measured(directory: Path, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Samples/s of every way in each pass; the ways take turns."""
    size = arguments.batch_size
    ways = {
        "tutorial, 1 thread": Way("stock", 1, 1, size),
        "ours, 1 thread": Way("ours", 1, 1, size),
        "ours, 2 threads": Way("ours", 1, 2, size),
        "ours, 2 ranks": Way("ours", 2, 1, size),
        "twice the batch, 2 threads": Way("ours", 1, 2, 2 * size),
        "twice the batch, 2 ranks": Way("ours", 2, 1, 2 * size),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.passes):
        for name, way in ways.items():
            speeds[name].append(arguments.rows / loop_seconds(directory, way, arguments))
            print(f"  {name:26s} {speeds[name][-1]:7.1f} samples/s", flush=True)
    return speeds


def ratios(speeds: dict[str, list[float]], above: str, below: str) -> list[float]:
    """The ratio of two ways' speeds in each pass, where they ran one after the other."""
    return [over / under for over, under in zip(speeds[above], speeds[below], strict=True)]


def in_words(ratios: Sequence[float]) -> str:
    """The median of some ratios, and how far they lie apart."""
    return f"{statistics.median(ratios):.2f} (passes {min(ratios):.2f} to {max(ratios):.2f})"


def write_rows(directory: Path, arguments: argparse.Namespace) -> float:
    """Write train and validation splits; returns the mean number of tokens of the rows to train, cut ones as cut."""
    from moderation.model import classifier as models
    from moderation.model.batching import tokenise

    needed = arguments.rows + VALIDATION_ROWS
    if arguments.data:
        labels, rows = read_rows(arguments.data, needed, 13)
        texts, truth = rows.texts, rows.truth
    else:
        records = list(demonstration.generate(13))[:needed]
        labels = sorted({label for record in records for label in record["labels"]})
        texts = [record["text"] for record in records]
        truth = np.array([[label in record["labels"] for label in labels] for record in records], dtype=np.float32)

    if len(texts) < needed:
        raise SystemExit(f"found {len(texts)} rows, expected at least {needed}; lower ROWS")

    for name, chosen in (("validation", slice(VALIDATION_ROWS)), ("train", slice(VALIDATION_ROWS, needed))):
        (directory / name).mkdir()
        (directory / name / LABELS_FILE).write_text(json.dumps({"labels": labels}), encoding="utf-8")
        part = texts[chosen]
        values = pa.array(truth[chosen].tolist(), pa.list_(pa.float32()))
        table = pa.table({"id": [str(number) for number in range(len(part))], "text": part, "labels": values})
        pq.write_table(table, directory / name / "part-00000.parquet")
    tokens = tokenise(models.load_tokenizer(arguments.base_model), texts[VALIDATION_ROWS:], arguments.max_length)
    return float(tokens.lengths.mean())


def loop_seconds(directory: Path, way: Way, arguments: argparse.Namespace) -> float:
    """Seconds that the slowest rank of one way spends in its loop."""
    start = [sys.executable]
    if way.processes > 1:
        start = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={way.processes}"]
    options = {
        "child": way.side,
        "directory": directory,
        "base-model": arguments.base_model,
        "max-length": arguments.max_length,
        "batch-size": way.batch_size,
        "precision": arguments.precision,
    }

    done = subprocess.run(
        [*start, __file__, *(text for key, value in options.items() for text in (f"--{key}", str(value)))],
        env={**os.environ, "OMP_NUM_THREADS": str(way.threads), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    seconds = [float(line.removeprefix(MARK)) for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or len(seconds) != way.processes:
        raise SystemExit(f"{way.side} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return max(seconds)


def train_ours(arguments: argparse.Namespace) -> None:
    """Train by train.py's own function, without what it does before and after the loop."""
    from moderation.training import trainer
    from moderation.training.arguments import parse
    from moderation.training.train import StopSignal, train

    class Timed(trainer.ModerationTrainer):
        def train(self, *args, **kwargs):
            started = time.monotonic()
            super().train(*args, **kwargs)
            say(f"{MARK}{time.monotonic() - started}")

    trainer.ModerationTrainer = Timed
    directory = arguments.directory
    with tempfile.TemporaryDirectory() as output:
        os.environ["SAGEMAKER_BASE_DIR"] = output
        options = {
            "train": directory / "train",
            "validation": directory / "validation",
            "base-model": arguments.base_model,
            "model-dir": f"{output}/model",
            "epochs": 1,
            "max-length": arguments.max_length,
            "batch-size": arguments.batch_size,
            "precision": arguments.precision,
            "linear-probe": "false",
            "ngrams": "false",
        }
        train(parse([text for key, value in options.items() for text in (f"--{key}", str(value))]), StopSignal())


def train_stock(arguments: argparse.Namespace) -> None:
    """Train as the tutorials do."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

    from moderation.job.dataset import read_labels, read_split

    split = read_split(arguments.directory / "train", labels := read_labels(arguments.directory / "train"))
    tokenizer = AutoTokenizer.from_pretrained(arguments.base_model)
    tokens = tokenizer(split.texts, padding="max_length", truncation=True, max_length=arguments.max_length)
    rows = [
        {**{name: values[row] for name, values in tokens.items()}, "labels": torch.from_numpy(split.truth[row])}
        for row in range(len(split.texts))
    ]
    model = AutoModelForSequenceClassification.from_pretrained(
        arguments.base_model, num_labels=len(labels), problem_type="multi_label_classification", dtype=torch.float32
    )
    with tempfile.TemporaryDirectory() as output:
        settings = TrainingArguments(
            output_dir=output,
            num_train_epochs=1,
            per_device_train_batch_size=arguments.batch_size,
            learning_rate=2e-5,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Trainer(model=model, args=settings, train_dataset=rows)
        started = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - started
    assert trainer.state.global_step == math.ceil(len(rows) / arguments.batch_size)
    say(f"{MARK}{seconds}")


if __name__ == "__main__":
    sys.exit(main())
