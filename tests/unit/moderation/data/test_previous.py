import json
import random
from dataclasses import replace

import pytest
from helpers.samples import random_sentence, split_of, write_rows

from contract.data.section import DataConfig
from moderation.data.prepare import prepare
from moderation.data.previous import read_previous
from moderation.job.dataset import read_lineage

CONFIG = DataConfig(labels_field="labels", minimum_positives=2)


@pytest.fixture
def source(tmp_path):
    return write_rows(tmp_path / "raw", [f"text number {number}" for number in range(60)])


def grown(tmp_path, old, new, config=CONFIG):
    """Prepare the old texts, then the new ones on top of that dataset; the splits of both and the second report."""
    prepare(config, write_rows(tmp_path / "old", old), tmp_path / "first")
    prepare(CONFIG, write_rows(tmp_path / "new", new), tmp_path / "second", tmp_path / "first")
    report = json.loads((tmp_path / "second" / "data_report.json").read_text())
    return split_of(tmp_path / "first"), split_of(tmp_path / "second"), report


def test_rows_of_the_dataset_before_keep_their_splits_and_new_rows_fill_up(tmp_path):
    chance = random.Random(6)  # noqa: S311
    old, new = ([random_sentence(chance) for _ in range(200)] for _ in range(2))
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
    old, new = ([random_sentence(chance) for _ in range(200)] for _ in range(2))
    prepare(CONFIG, write_rows(tmp_path / "old", old), tmp_path / "first")
    prepare(CONFIG, write_rows(tmp_path / "new", [*new, *old]), tmp_path / "second")
    before, after = split_of(tmp_path / "first"), split_of(tmp_path / "second")
    assert {text: after[text] for text in old} != before


def test_a_corrected_text_stays_in_the_split_of_the_one_it_replaces(tmp_path):
    chance = random.Random(7)  # noqa: S311
    old = [random_sentence(chance) for _ in range(120)]
    before, after, _ = grown(tmp_path, old, [f"{text} indeed" for text in old])
    assert {text: after[f"{text} indeed"] for text in old} == before


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


def test_a_dataset_knows_its_version_and_its_lineage(source, tmp_path):
    manifest = prepare(CONFIG, source, tmp_path / "before")
    previous, reason = read_previous(tmp_path / "before", CONFIG)
    assert (previous.version, previous.lineage) == (manifest["dataset_version"], manifest["lineage"])
    assert reason is None
    assert read_previous(None, CONFIG) == (None, "there is none")
