import importlib.util
import json
import sys
from pathlib import Path

import pytest

from moderation.job.dataset import read_labels, read_split

BENCH = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    specification = importlib.util.spec_from_file_location("evaluation_bench", BENCH / "evaluation.py")
    module = importlib.util.module_from_spec(specification)
    # dataclasses look their own module up
    monkeypatch.setitem(sys.modules, "evaluation_bench", module)
    specification.loader.exec_module(module)
    return module


def measured(bench, model, metrics):
    seconds = {"model": model, "baselines": 3.0, "metrics": metrics}
    return bench.Run(20.0, 1.5, {"rows": {"test": 90}, "labels": ["a", "b"], "seconds": seconds})


@pytest.mark.parametrize(("metrics", "status"), [(10.1, 1), (9.9, 0)])
def test_the_bench_fails_where_the_metrics_take_longer_than_the_models(
    bench, metrics, status, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(bench, "write_model", lambda *given, **named: None)
    monkeypatch.setattr(bench, "evaluated", lambda *given: measured(bench, 10.0, metrics))
    assert bench.main(["--rows", "90", "--base-model", str(tmp_path), "--output", str(tmp_path)]) == status
    shown = capsys.readouterr().out
    assert f"metrics / model: {metrics / 10:.2f}" in shown
    assert "peak memory: 1.50 GB" in shown
    assert json.loads((tmp_path / "bench-evaluate.json").read_text())["metrics_over_model"] == metrics / 10


def test_the_rows_of_the_bench_are_a_dataset_as_the_job_reads_it(bench, tmp_path):
    bench.write_dataset(tmp_path, 700)
    labels = read_labels(tmp_path)
    splits = {name: read_split(tmp_path / name, labels) for name in ("train", "validation", "test")}
    assert len(splits["test"].ids) == 700
    assert all(split.truth.sum(axis=0).min() > 5 for split in splits.values())
    assert not set(splits["train"].ids) & set(splits["test"].ids)
