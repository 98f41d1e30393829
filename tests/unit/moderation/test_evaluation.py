import json
import tarfile
from pathlib import Path

import pytest
from conftest import saved_model

from moderation import evaluation
from moderation.report import report_page

ROOT = Path(__file__).parents[3]


def archived(model, directory):
    directory.mkdir()
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    return directory


def command(candidate, dataset, output):
    named = {"config": ROOT / "moderation.yaml", "candidate": candidate, "dataset": dataset, "output": output}
    return [text for name, value in named.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def candidate(served_model, tmp_path_factory):
    return archived(served_model, tmp_path_factory.mktemp("candidate") / "a")


@pytest.fixture(scope="module")
def result(candidate, dataset):
    return evaluation.evaluate(candidate, None, dataset)


def test_the_first_run_has_candidate_and_baseline_on_the_same_rows(result):
    assert result["schema_version"] == 1
    assert result["dataset_version"] == "0123456789abcdef"
    assert result["rows"] == {"validation": 48, "test": 64}
    assert result["champion"] is None
    assert result["comparison"] is None
    for name in ("candidate", "baseline"):
        assert list(result[name]["labels"]) == result["labels"] == ["insult", "threat"]
    for label in result["labels"]:
        assert result["candidate"]["labels"][label]["positives"] == result["baseline"]["labels"][label]["positives"]
    assert result["baseline"]["metrics"]["macro_auroc"] > 0.95
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_each_model_is_judged_with_its_own_policy(result, candidate, dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["insult", "threat"], 0.5, [0.01, 0.02])
    found = evaluation.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert [item["threshold"] for item in found["candidate"]["labels"].values()] == [0.4, 0.6]
    assert [item["threshold"] for item in found["champion"]["labels"].values()] == [0.01, 0.02]
    assert found["policy_id"] == result["policy_id"]
    assert found["comparison"]["macro_average_precision"] == {"difference": 0, "low": 0, "high": 0}
    assert found["candidate"] == result["candidate"]


def test_a_champion_with_other_labels_is_compared_on_the_shared_ones(candidate, dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["spam", "threat"], -0.5, [0.5, 0.5])
    found = evaluation.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert list(found["champion"]["labels"]) == list(found["comparison"]["labels"]) == ["threat"]
    assert list(found["candidate"]["labels"]) == ["insult", "threat"]
    difference = found["comparison"]["labels"]["threat"]["difference"]
    ours, theirs = (found[name]["labels"]["threat"]["average_precision"] for name in ("candidate", "champion"))
    assert difference == pytest.approx(ours - theirs)


def test_a_champion_without_a_shared_label_is_no_champion(candidate, dataset, base_model, tmp_path, capsys):
    other = saved_model(tmp_path / "model", base_model, ["spam"], 0.5, [0.5])
    found = evaluation.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert found["champion"] is None
    assert found["comparison"] is None
    assert "it can't be compared" in capsys.readouterr().out


def test_a_candidate_for_other_labels_is_refused(dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["insult", "spam"], 0.5, [0.5, 0.5])
    with pytest.raises(ValueError, match="found a model for the labels insult, spam, expected insult, threat"):
        evaluation.evaluate(archived(other, tmp_path / "candidate"), None, dataset)


def test_an_archive_that_writes_outside_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with tarfile.open(tmp_path / "a" / "model.tar.gz", "w:gz") as archive:
        (tmp_path / "evil").write_text("x")
        archive.add(tmp_path / "evil", "../evil2")
    with pytest.raises(ValueError, match=r"candidate: found a damaged model\.tar\.gz \(OutsideDestinationError\)"):
        evaluation.unpack(tmp_path / "a", tmp_path / "target", "candidate")
    assert not (tmp_path / "evil2").exists()


def test_a_cut_off_archive_is_a_reason(candidate, tmp_path):
    content = (candidate / "model.tar.gz").read_bytes()
    (tmp_path / "model.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"champion: found a damaged model\.tar\.gz"):
        evaluation.unpack(tmp_path, tmp_path / "target", "champion")


def test_the_command_writes_both_files_and_no_text(candidate, dataset, tmp_path, capsys):
    output = tmp_path / "out"
    assert evaluation.main(command(candidate, dataset, output)) == 0
    assert sorted(path.name for path in output.iterdir()) == ["evaluation.json", "policy.json", "report.html"]
    assert "candidate: macro_average_precision 0." in capsys.readouterr().out
    assert "soup" not in (output / "report.html").read_text() + (output / "evaluation.json").read_text()


def test_a_dataset_that_was_never_finished_is_refused(candidate, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert evaluation.main(command(candidate, tmp_path, tmp_path)) == 1
    assert "found no manifest.json" in (tmp_path / "output" / "message").read_text()


def test_the_report_shows_every_figure_and_loads_nothing(result):
    page = report_page(result)
    assert "http" not in page
    assert "<script" not in page
    for label in result["labels"]:
        for name in ("candidate", "baseline"):
            assert f"{result[name]['labels'][label]['average_precision']:.3f}" in page
    assert result["policy_id"] in page
    assert "no live model" in page


def test_the_report_reads_the_comparison_for_the_reader(result):
    better = {"difference": 0.1, "low": 0.05, "high": 0.2}
    worse = {"difference": -0.1, "low": -0.2, "high": -0.05}
    unknown = {"difference": None, "low": None, "high": None}
    compared = {
        **result,
        "champion": result["candidate"],
        "comparison": {"macro_average_precision": better, "labels": {"insult": worse, "<b>": unknown}},
    }
    page = report_page(compared)
    assert '<td class="better">better</td>' in page
    assert '<td class="worse">worse</td>' in page
    assert "&lt;b&gt;" in page
    assert "+0.050 to +0.200" in page
