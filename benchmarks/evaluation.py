"""Where an evaluation spends its time: seconds in the models, the baselines and the metrics, and its peak memory.

A candidate and a champion of the base model of moderation.yaml, each trained for one epoch on few rows, are compared by
evaluate.py itself, as the Evaluate job calls it, on rows of the demonstration generator. Their texts are short, which
is hard on the target: the metrics take as long for any text, the models longer for a longer one.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from quality import CONFIG, ROOT, fetched_base_model

from contract.dataset.labels import LABELS_FILE
from contract.dataset.manifest import MANIFEST_FILE
from contract.model.archive import ARCHIVE
from moderation.data import demonstration

SEED = 13
TRAINED_ROWS = 128  # of each model: what a model has learnt changes nothing about the time that it takes
VALIDATION_ROWS = 400
BASELINE_ROWS = 2000  # the train split, on which the baselines fit


@dataclass(frozen=True)
class Run:
    """One evaluation, measured from outside."""

    wall_seconds: float
    gigabytes: float
    """Peak resident memory of the process."""
    evaluation: dict[str, Any]
    """evaluation.json."""

    @property
    def ratio(self) -> float:
        """Seconds in the metrics for one in the models."""
        return self.evaluation["seconds"]["metrics"] / self.evaluation["seconds"]["model"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the bench; fails where the metrics take longer than the models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="test rows")
    parser.add_argument("--threads", type=int, default=1, help="threads of the evaluation")
    parser.add_argument("--base-model", type=Path, help="directory of the base model; that of moderation.yaml if left")
    parser.add_argument("--output", type=Path, default=ROOT / "reports", help="directory of bench-evaluate.json")
    arguments = parser.parse_args(argv)

    base_model = arguments.base_model or fetched_base_model()
    with tempfile.TemporaryDirectory(prefix="bench-evaluate-") as name:
        work = Path(name)
        write_dataset(work / "dataset", arguments.rows)
        for number, model in enumerate(("candidate", "champion")):
            write_model(work / model, base_model, work / "dataset", first_row=number * TRAINED_ROWS)
        run = evaluated(work, base_model, arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "bench-evaluate.json").write_text(json.dumps(figures(run), indent=1), encoding="utf-8")
    print(table(run))
    return int(run.ratio > 1)


def write_dataset(directory: Path, test_rows: int) -> None:
    """A dataset as the preparation publishes it, but with a test split of this size."""
    sizes = {"train": BASELINE_ROWS, "validation": VALIDATION_ROWS, "test": test_rows}
    records = list(demonstration.generate(SEED, sum(sizes.values())))
    labels = sorted({label for record in records for label in record["labels"]})
    start = 0
    for name, size in sizes.items():
        write_split(directory / name, records[start : start + size], labels)
        start += size
    (directory / LABELS_FILE).write_text(json.dumps({"labels": labels}), encoding="utf-8")
    (directory / MANIFEST_FILE).write_text(json.dumps({"dataset_version": "bench"}), encoding="utf-8")


def write_split(directory: Path, records: Sequence[dict[str, Any]], labels: Sequence[str]) -> None:
    """One split: Parquet and labels.json."""
    directory.mkdir(parents=True)
    truth = [[float(label in record["labels"]) for label in labels] for record in records]
    columns = {name: [record[name] for record in records] for name in ("id", "text")}
    table = pa.table({**columns, "labels": pa.array(truth, pa.list_(pa.float32()))})
    pq.write_table(table, directory / "part-00000.parquet")
    (directory / LABELS_FILE).write_text(json.dumps({"labels": list(labels)}), encoding="utf-8")


def write_model(directory: Path, base_model: Path, dataset: Path, first_row: int) -> None:
    """model.tar.gz of a model that train.py made from TRAINED_ROWS rows of the train split, one epoch."""
    rows = directory / "train"
    rows.mkdir(parents=True)
    chosen = pq.read_table(dataset / "train" / "part-00000.parquet").slice(first_row, TRAINED_ROWS)
    pq.write_table(chosen, rows / "part-00000.parquet")
    (rows / LABELS_FILE).write_text((dataset / LABELS_FILE).read_text(encoding="utf-8"), encoding="utf-8")

    hyperparameters = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["hyperparameters"] | {
        "epochs": 1,
        "train": rows,
        "validation": dataset / "validation",
        "base-model": base_model,
        "model-dir": directory / "model",
    }
    options = [text for name, value in hyperparameters.items() for text in (f"--{name}", str(value))]

    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(directory)}
    subprocess.run(
        [sys.executable, ROOT / "src" / "train.py", *options], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    with tarfile.open(directory / ARCHIVE, "w:gz", compresslevel=1) as archive:
        archive.add(directory / "model", arcname=".")


def evaluated(work: Path, base_model: Path, threads: int) -> Run:
    """Run evaluate.py in a process of its own, so that its peak memory is its own."""
    named = {name: work / name for name in ("candidate", "champion", "dataset")}
    named |= {"config": CONFIG, "base-model": base_model, "output": work / "evaluation"}
    options = [text for name, value in named.items() for text in (f"--{name}", str(value))]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, ROOT / "src" / "evaluate.py", *options],
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "SAGEMAKER_BASE_DIR": str(work)},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"evaluate.py ended with {process.returncode}")
    evaluation = json.loads((work / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
    return Run(wall_seconds, usage.ru_maxrss / 1e6, evaluation)


def figures(run: Run) -> dict[str, Any]:
    """What bench-evaluate.json holds."""
    return {
        "test_rows": run.evaluation["rows"]["test"],
        "labels": len(run.evaluation["labels"]),
        "seconds": run.evaluation["seconds"],
        "wall_seconds": round(run.wall_seconds, 2),
        "metrics_over_model": round(run.ratio, 3),
        "peak_gigabytes": round(run.gigabytes, 2),
    }


def table(run: Run) -> str:
    """The result for a terminal."""
    shown = figures(run)
    return "\n".join(
        [
            f"{shown['test_rows']:,} test rows, {shown['labels']} labels, evaluate.py took {run.wall_seconds:.1f} s",
            *(f"  {kind:10s} {seconds:7.1f} s" for kind, seconds in shown["seconds"].items()),
            f"metrics / model: {run.ratio:.2f} (target: at most 1)",
            f"peak memory: {run.gigabytes:.2f} GB",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
