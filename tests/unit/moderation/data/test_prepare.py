import json
import subprocess
import sys
from pathlib import Path

import pytest

from contract.data.section import DataConfig
from moderation.data import prepare as preparation
from moderation.data.prepare import main, prepare
from moderation.data.writing import SplitWriter

CONFIG = DataConfig(labels_field="labels", minimum_positives=2)


def lines(count=60):
    return [
        json.dumps({"id": str(number), "text": f"text number {number}", "labels": ["x"] if number % 3 == 0 else ["y"]})
        for number in range(count)
    ]


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "raw"
    directory.mkdir()
    (directory / "a.jsonl").write_text("\n".join(lines()))
    return directory


def test_an_absent_source_gives_the_demonstration_and_says_so(tmp_path, capsys):
    manifest = prepare(DataConfig(label_fields=("mine",)), tmp_path / "absent", tmp_path / "out")
    assert manifest["source"] == "demonstration"
    assert len(manifest["labels"]) == 6
    assert "DEMONSTRATION" in capsys.readouterr().out


def test_the_report_counts_what_was_dropped_and_shows_no_text(source, tmp_path):
    duplicate = json.dumps({"id": "new", "text": "TEXT number 3", "labels": []})
    empty = json.dumps({"id": "empty", "text": " ", "labels": []})
    (source / "b.jsonl").write_text(f"{duplicate}\n{empty}\n")
    prepare(CONFIG, source, tmp_path / "out")
    text = (tmp_path / "out" / "data_report.json").read_text()
    report = json.loads(text)
    assert {kind: found["count"] for kind, found in report["dropped"].items()} == {"duplicate_text": 1, "empty_text": 1}
    assert report["duplicates_with_other_labels"] == 1
    assert sum(report["labels"]["x"]["positives"].values()) == 20
    assert report["labels"]["x"]["prevalence"] == pytest.approx(1 / 3, abs=1e-4)
    assert "text number" not in text.lower()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (DataConfig(labels_field="labels", labels=("x", "y", "z")), r"\(0 of z\), expected at least 5 a label"),
        (DataConfig(class_field="id", classes={"1": "x", "no id": "z"}), r"\(1 of x, 0 of z\), expected at least 5"),
        (DataConfig(labels_field="labels", minimum_positives=25), r"\(20 of x\), expected at least 25"),
        (DataConfig(labels_field="labels", labels=("x",)), "a.jsonl, row 2: found the label 'y', expected one of x"),
        (DataConfig(labels_field="tags"), "a.jsonl, row 1: found no 'tags'"),
    ],
)
def test_data_that_cannot_be_used_leaves_a_reason_and_no_dataset(source, tmp_path, config, reason):
    with pytest.raises(ValueError, match=reason):
        prepare(config, source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_an_interrupted_write_leaves_nothing_that_looks_like_a_dataset(source, tmp_path, monkeypatch):
    def fail(self, table, values):
        raise OSError("no space left on device")

    monkeypatch.setattr(SplitWriter, "write", fail)
    with pytest.raises(OSError, match="no space"):
        prepare(CONFIG, source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_an_output_directory_with_files_is_not_touched(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="expected an empty or absent directory"):
        prepare(CONFIG, source, tmp_path / "out")


def test_a_mounted_output_directory_is_filled_with_the_manifest_last(source, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    moved = []

    def refuse(self, target):
        raise OSError("device or resource busy")

    def move(path, target, moving=preparation.shutil.copytree):
        moved.append(path.name)
        moving(path, target) if path.is_dir() else target.write_bytes(path.read_bytes())

    monkeypatch.setattr(preparation.Path, "rename", refuse)
    monkeypatch.setattr(preparation.shutil, "move", move)
    prepare(CONFIG, source, tmp_path / "out")
    assert moved[-1] == "manifest.json"
    assert (tmp_path / "out" / "train" / "part-00000.parquet").is_file()


def test_the_command_writes_its_reason_where_sagemaker_reads_it(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    config = tmp_path / "moderation.yaml"
    config.write_text("data: {labels_field: labels, labels: [x]}\n")
    arguments = ["--config", str(config), "--input", str(source), "--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    message = (tmp_path / "output" / "message").read_text()
    assert message.startswith("ValueError: a.jsonl, row 2: found the label 'y'")
    assert "\n" not in message
    config.write_text("data: {labels_field: labels}\n")
    assert main(arguments) == 0
    assert "prepared dataset" in capsys.readouterr().out


def test_the_preparation_starts_without_torch():
    program = "import sys, moderation.data.prepare; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    source = Path(preparation.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=source).returncode == 0
