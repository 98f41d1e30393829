import json
import math
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.data.section import DataConfig
from moderation.data import prepare as preparation
from moderation.data.prepare import main, prepare
from moderation.data.writing import SplitWriter
from moderation.job.dataset import read_lineage, read_split

CONFIG = DataConfig(labels_field="labels", minimum_positives=2)


def lines(count=60):
    return [
        json.dumps({"id": str(number), "text": f"text number {number}", "labels": ["x"] if number % 3 == 0 else ["y"]})
        for number in range(count)
    ]


def texts_by_split(directory):
    return {
        split: pq.read_table(directory / split / "part-00000.parquet")["text"].to_pylist()
        for split in ("train", "validation", "test")
    }


def split_of(directory):
    return {text: split for split, texts in texts_by_split(directory).items() for text in texts}


def sentence(chance, words=20):
    return " ".join("".join(chance.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(words))


def write_rows(directory, texts):
    directory.mkdir(exist_ok=True)
    rows = [{"text": text, "labels": ["x"] if number % 3 else []} for number, text in enumerate(texts)]
    (directory / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "raw"
    directory.mkdir()
    (directory / "a.jsonl").write_text("\n".join(lines()))
    return directory


def test_a_dataset_has_its_parts_and_a_manifest_of_their_hashes(source, tmp_path):
    manifest = prepare(CONFIG, source, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest
    assert manifest["labels"] == ["x", "y"]
    assert manifest["source"] == "raw/"
    assert sum(manifest["rows"].values()) == 60
    assert set(manifest["files"]) == {
        "labels.json",
        "data_report.json",
        "data_report.html",
        *(f"{split}/{name}" for split in manifest["rows"] for name in ("labels.json", "part-00000.parquet")),
    }
    table = pq.read_table(tmp_path / "out" / "train" / "part-00000.parquet")
    assert str(table.schema.field("labels").type) == "list<element: float>"
    assert {tuple(row) for row in table["labels"].to_pylist()} == {(1.0, 0.0), (0.0, 1.0)}


def test_the_version_follows_the_content_and_not_the_order_or_the_file(source, tmp_path):
    first = prepare(CONFIG, source, tmp_path / "one")["dataset_version"]
    (source / "a.jsonl").unlink()
    (source / "b.jsonl").write_text("\n".join(reversed(lines())))
    assert prepare(CONFIG, source, tmp_path / "two")["dataset_version"] == first
    (source / "b.jsonl").write_text("\n".join(lines()).replace("text number 7", "text number seven"))
    assert prepare(CONFIG, source, tmp_path / "three")["dataset_version"] != first


def test_what_nobody_annotated_is_nan(tmp_path):
    source = tmp_path / "raw"
    source.mkdir()
    rows = "".join(f"t{number},{number % 2},{'' if number == 4 else number % 2}\n" for number in range(40))
    (source / "a.csv").write_text("text,x,y\n" + rows)
    prepare(DataConfig(label_fields=("x", "y")), source, tmp_path / "out")
    split = [read_split(tmp_path / "out" / name, ["x", "y"]) for name in ("train", "validation", "test")]
    values = {text: truth for part in split for text, truth in zip(part.texts, part.truth.tolist(), strict=True)}
    assert values["t4"][0] == 0
    assert math.isnan(values["t4"][1])
    assert values["t5"] == [1, 1]


def test_near_duplicates_share_a_split(tmp_path):
    chance = random.Random(5)  # noqa: S311
    texts = [sentence(chance) for _ in range(100)]
    copies = [f"{text}, {sentence(chance, 1)}!" for text in texts]
    prepare(CONFIG, write_rows(tmp_path / "raw", texts + copies), tmp_path / "out")
    split = split_of(tmp_path / "out")
    assert all(split[text] == split[copy] for text, copy in zip(texts, copies, strict=True))
    found = json.loads((tmp_path / "out" / "data_report.json").read_text())["near_duplicates"]
    assert found == {"similarity": 0.8, "clusters": 100, "rows": 200, "largest_cluster": 2, "loosened_rows": 0}


def test_near_duplicates_may_be_left_alone(tmp_path):
    chance = random.Random(5)  # noqa: S311
    texts = [sentence(chance) for _ in range(100)]
    copies = [f"{text}!" for text in texts]
    source = write_rows(tmp_path / "raw", texts + copies)
    prepare(replace(CONFIG, near_duplicates=None), source, tmp_path / "out")
    split = split_of(tmp_path / "out")
    assert any(split[text] != split[copy] for text, copy in zip(texts, copies, strict=True))


def grown(tmp_path, old, new, config=CONFIG):
    """Prepare the old texts, then the new ones on top of that dataset; the splits of both and the second report."""
    prepare(config, write_rows(tmp_path / "old", old), tmp_path / "first")
    prepare(CONFIG, write_rows(tmp_path / "new", new), tmp_path / "second", tmp_path / "first")
    report = json.loads((tmp_path / "second" / "data_report.json").read_text())
    return split_of(tmp_path / "first"), split_of(tmp_path / "second"), report


def test_rows_of_the_dataset_before_keep_their_splits_and_new_rows_fill_up(tmp_path):
    chance = random.Random(6)  # noqa: S311
    old, new = ([sentence(chance) for _ in range(200)] for _ in range(2))
    before, after, report = grown(tmp_path, old, [*new, *old])
    assert {text: after[text] for text in old} == before
    assert list(after.values()).count("test") == 100
    first, second = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("first", "second"))
    assert first["dataset_version"] == first["lineage"] == second["lineage"] != second["dataset_version"]
    assert {read_lineage(tmp_path / "second" / split) for split in ("", "train", "validation", "test")} == {
        first["lineage"]
    }
    assert report["previous"]["kept_rows"] == {"train": 130, "validation": 20, "test": 50}
    assert report["previous"]["new_rows"] == {"train": 130, "validation": 20, "test": 50}


def test_without_the_dataset_before_rows_would_move(tmp_path):
    chance = random.Random(6)  # noqa: S311
    old, new = ([sentence(chance) for _ in range(200)] for _ in range(2))
    prepare(CONFIG, write_rows(tmp_path / "old", old), tmp_path / "first")
    prepare(CONFIG, write_rows(tmp_path / "new", [*new, *old]), tmp_path / "second")
    before, after = split_of(tmp_path / "first"), split_of(tmp_path / "second")
    assert {text: after[text] for text in old} != before


def test_a_corrected_text_stays_in_the_split_of_the_one_it_replaces(tmp_path):
    chance = random.Random(7)  # noqa: S311
    old = [sentence(chance) for _ in range(120)]
    before, after, _ = grown(tmp_path, old, [f"{text} indeed" for text in old])
    assert {text: after[f"{text} indeed"] for text in old} == before


def test_a_new_text_between_two_splits_is_left_out_and_counted(tmp_path):
    chance = random.Random(8)  # noqa: S311
    old = [sentence(chance, 40) for _ in range(120)]
    prepare(CONFIG, write_rows(tmp_path / "old", old), tmp_path / "first")
    split = split_of(tmp_path / "first")
    # two old texts that share three quarters, in different splits, and one that lies between them
    one, other = old[0], next(text for text in old if split[text] != split[old[0]])
    shared, ends = sentence(chance, 40), [sentence(chance, 5), sentence(chance, 5)]
    table = {one: f"{shared} {ends[0]}", other: f"{shared} {ends[1]}"}
    for part in ("train", "validation", "test"):
        path = tmp_path / "first" / part / "part-00000.parquet"
        rows = pq.read_table(path)
        texts = [table.get(text, text) for text in rows["text"].to_pylist()]
        pq.write_table(rows.set_column(1, "text", pa.array(texts)), path)
    new = [table.get(text, text) for text in old] + [f"{shared} {ends[0]} {ends[1]}"]
    config = replace(CONFIG, near_duplicates=0.85)
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_text())
    manifest["split"]["near_duplicates"] = 0.85
    (tmp_path / "first" / "manifest.json").write_text(json.dumps(manifest))
    prepare(config, write_rows(tmp_path / "new", new), tmp_path / "second", tmp_path / "first")
    after = split_of(tmp_path / "second")
    assert new[-1] not in after
    assert {after[text] for text in table.values()} == {split[one], split[other]}
    report = json.loads((tmp_path / "second" / "data_report.json").read_text())
    assert report["dropped"]["between_splits"]["count"] == 1
    assert report["rows_read"] == sum(report["rows"].values()) + 1


def test_the_same_rows_on_top_of_their_own_dataset_are_the_same_dataset(source, tmp_path):
    first = prepare(CONFIG, source, tmp_path / "one")
    second = prepare(CONFIG, source, tmp_path / "two", tmp_path / "one")
    reports = {"data_report.json", "data_report.html"}
    assert second["dataset_version"] == first["dataset_version"]
    assert {name: digest for name, digest in second["files"].items() if name not in reports} == {
        name: digest for name, digest in first["files"].items() if name not in reports
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 14}, "(seed was 14)"),
        ({"test_fraction": 0.3}, "(test_fraction was 0.3)"),
        ({"near_duplicates": None}, "(near_duplicates was off)"),
    ],
)
def test_a_dataset_of_another_split_is_ignored_and_the_reason_said(source, tmp_path, capsys, change, said):
    alone = prepare(CONFIG, source, tmp_path / "alone")["dataset_version"]
    before = prepare(replace(CONFIG, **change), source, tmp_path / "before")["dataset_version"]
    manifest = prepare(CONFIG, source, tmp_path / "out", tmp_path / "before")
    assert manifest["dataset_version"] == manifest["lineage"] == alone
    reason = f"dataset {before} was split with other settings {said}"
    assert f"all rows are split anew: of an earlier dataset, {reason}" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "data_report.json").read_text())["previous"]["ignored"] == reason


def test_an_absent_or_empty_dataset_before_is_none(source, tmp_path):
    (tmp_path / "empty").mkdir()
    alone = prepare(CONFIG, source, tmp_path / "alone")["dataset_version"]
    assert prepare(CONFIG, source, tmp_path / "one", tmp_path / "absent")["dataset_version"] == alone
    assert prepare(CONFIG, source, tmp_path / "two", tmp_path / "empty")["dataset_version"] == alone


@pytest.mark.parametrize("damage", ["manifest.json", "test/part-00000.parquet", "absent"])
def test_a_damaged_dataset_before_stops_and_leaves_nothing(source, tmp_path, damage):
    prepare(CONFIG, source, tmp_path / "before")
    if damage == "absent":
        (tmp_path / "before" / "validation" / "part-00000.parquet").unlink()
    else:
        (tmp_path / "before" / damage).write_bytes(b"PAR1{")
    with pytest.raises(ValueError, match=r"--previous: found .*, expected a (whole|prepared) dataset; copy it again"):
        prepare(CONFIG, source, tmp_path / "out", tmp_path / "before")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before", "raw"]


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
