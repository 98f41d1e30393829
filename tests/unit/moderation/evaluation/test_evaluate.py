import json
from pathlib import Path

import pytest
from helpers.samples import archived, saved_model
from pydantic import TypeAdapter

from contract.evaluation.document import Evaluation
from moderation.evaluation import evaluate
from moderation.job.dataset import read_labels, read_split

ROOT = Path(__file__).parents[4]
UNCHANGED = {"difference": 0, "low": 0, "high": 0, "p_worse": 1, "p_better": 1}


def command(candidate, dataset, output, config=ROOT / "moderation.yaml"):
    named = {"config": config, "candidate": candidate, "dataset": dataset, "output": output}
    return [text for name, value in named.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def candidate(served_model, tmp_path_factory):
    return archived(served_model, tmp_path_factory.mktemp("candidate") / "a")


@pytest.fixture(scope="module")
def result(candidate, dataset, base_model):
    return evaluate.evaluate(candidate, None, dataset, base_model)


@pytest.fixture(scope="module")
def twin(candidate, dataset):
    """The evaluation of a model against itself."""
    return evaluate.evaluate(candidate, candidate, dataset)


def test_the_first_run_has_candidate_and_baseline_on_the_same_rows(result):
    assert result["schema_version"] == 3
    assert result["dataset_version"] == "0123456789abcdef"
    assert result["rows"] == {"validation": 48, "test": 64}
    assert result["champion"] is None
    assert result["comparison"]["champion"] is None
    for name in ("candidate", "baseline", "frozen_encoder"):
        assert list(result[name]["labels"]) == result["labels"] == ["insult", "threat"]
    for label in result["labels"]:
        assert result["candidate"]["labels"][label]["positives"] == result["baseline"]["labels"][label]["positives"]
    assert result["baseline"]["metrics"]["macro_auroc"] > 0.95
    for part in ("slices", "behaviour", "evasion", "latency"):
        assert result[part]["champion"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_an_evaluation_is_what_the_contract_describes(result, twin):
    described = TypeAdapter(Evaluation)
    for evaluation in (result, twin):
        # what the types don't know would be left out
        assert described.validate_python(evaluation, strict=True) == evaluation


def test_each_model_decides_with_its_own_policy(result, candidate, dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["insult", "threat"], 0.5, [0.01, 0.02])
    found = evaluate.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert [item["threshold"] for item in found["candidate"]["labels"].values()] == [0.4, 0.6]
    assert [item["threshold"] for item in found["champion"]["labels"].values()] == [0.01, 0.02]
    assert found["policy_id"] == result["policy_id"]
    assert found["comparison"]["champion"]["macro_average_precision"] == UNCHANGED
    assert found["comparison"]["champion"]["flips"]["threat"] > 0
    assert found["candidate"] == result["candidate"]


def test_a_model_against_itself_differs_in_nothing(twin):
    assert twin["champion"] == twin["candidate"]
    assert set(twin["comparison"]["champion"]["flips"].values()) == {0.0}
    for part in ("slices", "behaviour", "evasion"):
        assert twin[part]["champion"] == twin[part]["candidate"]


def test_without_a_base_model_there_is_no_frozen_encoder(twin, result):
    assert twin["frozen_encoder"] is None
    assert twin["comparison"]["frozen_encoder"] is None
    assert twin["baseline"] == result["baseline"]
    assert result["comparison"]["frozen_encoder"]["labels"]["threat"]["difference"] is not None


def test_every_part_has_the_keys_that_the_document_promises(twin):
    assert list(twin) == [
        *("schema_version", "dataset_version", "rows", "labels", "policy_id", "candidate", "champion", "baseline"),
        *(
            "frozen_encoder",
            "champion_left_out",
            "labels_dropped",
            "comparison",
            "curves",
            "confusion",
            "slices",
            "behaviour",
            "evasion",
            "latency",
            "worst_mistakes",
        ),
        "seconds",
    ]
    system = twin["candidate"]
    assert set(system) == {"metrics", "intervals", "labels"}
    assert set(system["metrics"]) == {
        *("macro_average_precision", "macro_auroc", "macro_f1", "macro_precision", "macro_recall"),
        *("micro_average_precision", "micro_f1", "false_positives_per_1000_clean", "expected_calibration_error"),
    }
    assert set(system["intervals"]) == {"macro_average_precision", "macro_auroc", "macro_f1"}
    assert set(system["labels"]["threat"]) == {
        *("positives", "average_precision", "auroc", "precision", "recall", "f1", "threshold"),
        *("expected_calibration_error", "intervals"),
    }
    assert set(system["labels"]["threat"]["intervals"]) == {"average_precision", "auroc", "f1"}
    assert set(twin["comparison"]["baseline"]) == {"macro_average_precision", "labels", "flips"}
    assert set(twin["slices"]["candidate"]) == {"length", "language", "identity"}
    assert sum(part["rows"] for part in twin["slices"]["candidate"]["length"].values()) == 64
    assert set(twin["evasion"]["candidate"]) == {"leetspeak", "homoglyphs", "zero_width", "spacing", "case"}
    assert set(twin["latency"]["champion"]) == {"p50_milliseconds", "p95_milliseconds", "texts_per_second"}
    assert twin["behaviour"]["candidate"]["threat_direct"]["cases"] == 6
    assert sum(twin["confusion"]["threat"].values()) == 63  # one row is not annotated
    assert twin["curves"]["insult"]["precision_recall"][-1][0] == 1
    assert set(twin["seconds"]) == {"model", "baselines", "metrics"}


def test_zero_width_characters_and_case_do_not_escape_an_encoder_that_drops_them(twin):
    for kind in ("zero_width", "case"):
        assert twin["evasion"]["candidate"][kind]["kept"] == 1
    assert twin["evasion"]["candidate"]["homoglyphs"]["rows"] > 20


def test_a_further_suite_stands_beside_our_own(candidate, dataset, tmp_path):
    suite = tmp_path / "hatecheck.csv"
    suite.write_text("functionality,case_id,test_case,label_gold\nderog,1,you fool,hateful\n")
    found = evaluate.evaluate(candidate, None, dataset, suites=[suite])["behaviour"]["candidate"]
    assert found["derog"]["cases"] == 1
    assert "insult_direct" in found


def test_a_champion_with_other_labels_is_compared_on_the_shared_ones(candidate, dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["spam", "threat"], -0.5, [0.5, 0.5])
    found = evaluate.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert list(found["champion"]["labels"]) == list(found["comparison"]["champion"]["labels"]) == ["threat"]
    assert list(found["candidate"]["labels"]) == ["insult", "threat"]
    difference = found["comparison"]["champion"]["labels"]["threat"]["difference"]
    candidate_figure, champion_figure = (
        found[name]["labels"]["threat"]["average_precision"] for name in ("candidate", "champion")
    )
    assert difference == pytest.approx(candidate_figure - champion_figure)
    assert found["labels_dropped"] == ["spam"]


def test_a_champion_without_a_shared_label_is_no_champion(candidate, dataset, base_model, tmp_path, capsys):
    other = saved_model(tmp_path / "model", base_model, ["spam"], 0.5, [0.5])
    found = evaluate.evaluate(candidate, archived(other, tmp_path / "champion"), dataset)
    assert found["champion"] is None
    assert found["comparison"]["champion"] is None
    assert found["latency"]["champion"] is None
    assert found["champion_left_out"] == "it knows none of this dataset's labels"
    assert found["labels_dropped"] == []
    assert "the live model is not compared: it knows none" in capsys.readouterr().out


def test_a_candidate_for_other_labels_is_refused(dataset, base_model, tmp_path):
    other = saved_model(tmp_path / "model", base_model, ["insult", "spam"], 0.5, [0.5, 0.5])
    with pytest.raises(ValueError, match="found a model for the labels insult, spam, expected insult, threat"):
        evaluate.evaluate(archived(other, tmp_path / "candidate"), None, dataset)


def test_the_command_writes_both_files_and_no_text(candidate, dataset, tmp_path, capsys):
    output = tmp_path / "out"
    assert evaluate.main(command(candidate, dataset, output)) == 0
    assert sorted(path.name for path in output.iterdir()) == ["evaluation.json", "policy.json", "report.html"]
    assert "candidate: macro_average_precision 0." in capsys.readouterr().out
    assert "soup" not in (output / "report.html").read_text() + (output / "evaluation.json").read_text()


def test_moderation_yaml_asks_for_texts_and_for_further_cases(candidate, dataset, tmp_path):
    config, output = tmp_path / "moderation.yaml", tmp_path / "out"
    (tmp_path / "cases.csv").write_text("functionality,case_id,test_case,label_gold\nderog,1,you fool,hateful\n")
    config.write_text("evaluation: {show_texts: true, behaviour: cases.csv}\n")
    assert evaluate.main(command(candidate, dataset, output, config)) == 0
    result = json.loads((output / "evaluation.json").read_text())
    assert result["behaviour"]["candidate"]["derog"]["cases"] == 1
    assert "insult_direct" in result["behaviour"]["candidate"]
    worst = {item["id"] for item in result["worst_mistakes"]}
    shown = {row: text for row, text in rows_of(dataset) if row in worst}
    assert shown
    page = (output / "report.html").read_text()
    assert all(text in page for text in shown.values())


def rows_of(dataset):
    test = read_split(dataset / "test", read_labels(dataset))
    return zip(test.ids, test.texts, strict=True)


def test_a_mistake_in_the_evaluation_section_ends_the_job_before_any_model_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    config = tmp_path / "moderation.yaml"
    config.write_text("evaluation: {show_text: true}\n")
    assert evaluate.main(command(tmp_path, tmp_path, tmp_path, config)) == 1
    assert "found the unknown key `show_text`" in (tmp_path / "output" / "message").read_text()


def test_a_dataset_that_was_never_finished_is_refused(candidate, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert evaluate.main(command(candidate, tmp_path, tmp_path)) == 1
    assert "found no manifest.json" in (tmp_path / "output" / "message").read_text()
