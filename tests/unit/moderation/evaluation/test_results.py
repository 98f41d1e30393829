import json

import pytest
from helpers import reports

from moderation.evaluation.results import mistaken_texts, write_results
from moderation.job.dataset import read_split


def test_both_files_are_written_whole_and_the_main_figures_said(tmp_path, capsys):
    evaluation = reports.evaluation()
    write_results(evaluation, {}, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evaluation.json", "report.html"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == evaluation
    told = capsys.readouterr().out
    assert "candidate: macro_average_precision 0.5120, macro_auroc 0.5120" in told
    assert "baseline: macro_average_precision 0.4230" in told
    assert "micro" not in told
    assert "champion" not in told


def test_a_figure_that_is_no_number_never_reaches_the_file(tmp_path):
    evaluation = reports.evaluation()
    evaluation["candidate"]["metrics"]["macro_f1"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(evaluation, {}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_texts_are_those_of_the_mistaken_rows(dataset):
    test = read_split(dataset / "test", ["insult", "threat"])
    mistakes = [{"id": test.ids[5], "label": "insult", "truth": 1, "score": 0.1}]
    evaluation = {**reports.evaluation(), "labels": ["insult", "threat"], "worst_mistakes": mistakes}
    assert mistaken_texts(evaluation, dataset) == {test.ids[5]: test.texts[5]}
