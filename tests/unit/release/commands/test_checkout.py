import json
from pathlib import Path

import pytest
import yaml
from helpers.evaluations import evaluation

from release.__main__ import main
from release.commands.checkout import CHECKS
from release.decision.documents import evaluation_schema

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("auroc", "status"), [(0.9, 0), (0.1, 1)])
def test_an_evaluation_on_this_machine_is_put_to_the_rules_of_the_project(tmp_path, capsys, auroc, status):
    whole = evaluation(champion=False)
    whole["candidate"]["metrics"]["macro_auroc"] = auroc
    (tmp_path / "evaluation.json").write_text(json.dumps(whole))
    rules = yaml.safe_load((ROOT / "moderation.yaml").read_text()) | {"gate": {"minimum": {"macro_auroc": 0.5}}}
    (tmp_path / "moderation.yaml").write_text(yaml.safe_dump(rules))
    arguments = ["gate", str(tmp_path / "evaluation.json"), "--config", str(tmp_path / "moderation.yaml")]
    assert main(arguments) == status
    printed = capsys.readouterr().out
    assert f"Macro AUROC is {auroc:.3f}" in printed
    assert f"gate: {'PASS' if status == 0 else 'FAIL'}" in printed


def test_an_evaluation_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["gate", str(tmp_path / "evaluation.json")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_an_evaluation_of_another_commit_is_one_line(tmp_path, capsys):
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation() | {"schema_version": 2}))
    assert main(["gate", str(tmp_path / "evaluation.json")]) == 1
    assert "found schema_version 2, expected 3" in capsys.readouterr().err


def test_a_mistake_in_the_project_file_is_named_with_its_key(tmp_path, capsys):
    (tmp_path / "moderation.yaml").write_text("gate: {mode: loud}\n")
    assert main(["check", "--config", str(tmp_path / "moderation.yaml")]) == 1
    assert "gate.mode" in capsys.readouterr().err


def test_the_schema_goes_where_it_is_wanted(tmp_path):
    assert main(["schema", "--output", str(tmp_path / "schema.json")]) == 0
    assert (tmp_path / "schema.json").read_text() == evaluation_schema()


def test_these_commands_ask_nothing_of_aws():
    assert [command.name for command in CHECKS] == ["check", "gate", "schema"]
