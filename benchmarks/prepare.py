"""Measures the preparation beside `datasets.map` with the same checks: rows/s of both, and peak memory as rows grow."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig
from moderation.data import demonstration

CONFIG = DataConfig(labels_field="labels")
SMALL_ROWS = 10_000
MEMORY_LIMIT_GB = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the benchmark; fails where one of its targets is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large set")
    parser.add_argument("--run", choices=sorted(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.run:
        print(json.dumps(measured(RUNS[arguments.run], arguments.directory)))
        return 0

    with tempfile.TemporaryDirectory(prefix="bench-prepare-") as name:
        results = {}
        for rows in (min(SMALL_ROWS, arguments.rows), arguments.rows):
            source = Path(name) / str(rows) / "raw"
            write_rows(source / "rows.jsonl", rows)
            for run in RUNS:
                if run == "prepare" or rows == arguments.rows:
                    results[run, rows] = apart(run, source.parent)
                    show(run, rows, results[run, rows])

    prepared, mapped = results["prepare", arguments.rows], results["map", arguments.rows]
    small = results["prepare", min(SMALL_ROWS, arguments.rows)]
    ratio = mapped["seconds"] / prepared["seconds"]
    print(f"rows/s of prepare / datasets.map: {ratio:.2f} (target: at least 1)")
    print(
        f"peak memory: {prepared['gigabytes']:.2f} GB (target: below {MEMORY_LIMIT_GB:g} GB), "
        f"{small['gigabytes']:.2f} GB at {SMALL_ROWS:,} rows"
    )
    return int(ratio < 1 or prepared["gigabytes"] >= MEMORY_LIMIT_GB)


def write_rows(path: Path, rows: int) -> None:
    """A JSONL file of made-up comments."""
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8") as file:
        for record in demonstration.generate(13, rows, chats=3):
            file.write(json.dumps(record) + "\n")


def apart(run: str, directory: Path) -> dict[str, Any]:
    """Run one side in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--run", run, "--directory", str(directory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def show(run: str, rows: int, result: dict[str, Any]) -> None:
    """One line about a run."""
    notes = ", ".join(f"{name} {value}" for name, value in result["notes"].items())
    print(
        f"{run}: {rows:,} rows in {result['seconds']:.1f} s, {rows / result['seconds']:,.0f} rows/s, "
        f"peak {result['gigabytes']:.2f} GB ({notes})",
        flush=True,
    )


def measured(run: Any, directory: Path) -> dict[str, Any]:
    """Seconds, peak memory and what a run says about itself."""
    began = time.monotonic()
    notes = run(directory)
    return {
        "seconds": time.monotonic() - began,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "notes": notes,
    }


def run_prepare(directory: Path) -> dict[str, Any]:
    """The whole preparation: checks, duplicates, near-duplicates, split, report and files."""
    from moderation.data.prepare import prepare

    manifest = prepare(CONFIG, directory / "raw", directory / "out")
    report = json.loads((directory / "out" / "data_report.json").read_text(encoding="utf-8"))
    return {
        "kept": sum(manifest["rows"].values()),
        "near-duplicate clusters": report["near_duplicates"]["clusters"],
        "loosened": report["near_duplicates"]["loosened_rows"],
    }


def run_map(directory: Path) -> dict[str, Any]:
    """Read, check each row, compute signatures, drop equal texts and write, by `datasets`; no clusters, no split."""
    import datasets

    from moderation.rows.near_duplicates import SIGNATURE_BATCH, signatures
    from moderation.rows.parsing import parse_row
    from moderation.rows.row import Row
    from moderation.rows.spool import text_digest

    def check(record: dict[str, Any], number: int) -> dict[str, Any]:
        row = parse_row("rows.jsonl", number, record, CONFIG)
        good = isinstance(row, Row)
        return {
            "good": good,
            "positive": sorted(row.positive) if good else [],
            "comparable": row.comparable if good else "",
            "digest": text_digest(row.comparable).hex() if good else "",
        }

    datasets.disable_progress_bars()
    rows = datasets.load_dataset(
        "json", data_files=str(directory / "raw" / "rows.jsonl"), split="train", cache_dir=str(directory / "cache")
    )
    began = time.monotonic()
    rows = rows.map(check, with_indices=True)
    checked = time.monotonic()
    rows = rows.map(
        lambda batch: {"signature": signatures(batch["comparable"]).astype("uint8")},
        batched=True,
        batch_size=SIGNATURE_BATCH,
    )
    signed = time.monotonic()
    seen: set[str] = set()
    rows = rows.filter(
        lambda good, digest: good and digest not in seen and not seen.add(digest), input_columns=["good", "digest"]
    )
    rows.select_columns(["id", "text", "positive"]).to_parquet(directory / "map.parquet")
    return {
        "kept": len(rows),
        "seconds of the checks": round(checked - began, 1),
        "of the signatures": round(signed - checked, 1),
    }


RUNS = {"prepare": run_prepare, "map": run_map}

if __name__ == "__main__":
    sys.exit(main())
