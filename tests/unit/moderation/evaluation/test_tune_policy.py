import json

import numpy as np
import pytest
import yaml

from contract.evaluation.document import SCHEMA_VERSION
from contract.evaluation.section import read_targets
from moderation.evaluation.tune_policy import main
from moderation.fitting.thresholds import effective_policy
from moderation.model.policy import make_policy, read_policy, write_policy


def test_tuning_one_label_leaves_the_others_and_prints_the_section_that_brings_it_back(
    model_directory, tmp_path, capsys
):
    trained = read_policy(model_directory, ["a", "b"])
    arguments = ["--model", str(model_directory), "--precision", "0.97", "--recall", "0.9", "--label", "a"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    tuned = read_policy(tmp_path / "out", ["a", "b"])
    assert tuned.block[0] > trained.block[0]
    assert (tuned.review[1], tuned.block[1]) == (trained.review[1], trained.block[1])
    printed = capsys.readouterr().out
    assert "on 400 validation rows" in printed
    section = yaml.safe_load(printed[printed.index("policy:\n") :])
    (tmp_path / "moderation.yaml").write_text(yaml.safe_dump(section))
    targets = read_targets(tmp_path / "moderation.yaml")
    assert effective_policy(model_directory, ["a", "b"], targets).id == tuned.id


def evaluation_of(curve):
    return {
        "schema_version": SCHEMA_VERSION,
        "labels": ["a", "b"],
        "rows": {"validation": 10, "test": 20},
        "candidate": {"labels": {label: {"threshold": 0.35, "positives": 1_000_000} for label in "ab"}},
        "curves": {label: {"precision_recall": curve, "reliability": []} for label in "ab"},
    }


def test_the_curves_of_an_evaluation_tune_as_well(tmp_path, capsys):
    curve = [[0.2, 1.0, 0.9], [0.5, 0.92, 0.7], [0.8, 0.6, 0.4], [1.0, 0.3, 0.1]]
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(evaluation_of(curve)))
    assert main(["--curves", str(path), "--output", str(tmp_path / "out")]) == 0
    tuned = read_policy(tmp_path / "out", ["a", "b"]).content()["labels"]["a"]
    assert tuned == {"review": 0.35, "block": pytest.approx(0.7, abs=1e-4)}
    assert "review 0.3500 (precision 0.600, recall 0.800)  block 0.7000 (precision 1.000" in capsys.readouterr().out
    write_policy(make_policy(["a", "b"], np.array([0.35, 0.35]), np.array([0.8, 0.8])), tmp_path)
    asked = ["--curves", str(path), "--precision", "0.99", "--recall", "0.9", "--label", "b"]
    assert main([*asked, "--output", str(tmp_path / "out")]) == 0
    found = read_policy(tmp_path / "out", ["a", "b"]).content()["labels"]
    assert found["a"] == {"review": 0.35, "block": 0.8}
    assert found["b"] == {"review": 0.1, "block": pytest.approx(0.9, abs=1e-4)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "spam"], "--label: found spam, expected one of a, b"),
        (["--precision", "90"], "--precision: found 90.0"),
        (["--recall", "0"], "--recall: found 0.0"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(model_directory, capsys, arguments, message):
    assert main(["--model", str(model_directory), *arguments]) == 1
    assert message in capsys.readouterr().err
