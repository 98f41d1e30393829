import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.evaluations import evaluation

from release import __main__ as command_line
from release.aws.failure import StageFailed

ROOT = Path(__file__).parents[3]
COMMANDS = ("prepare", "train", "evaluate", "deploy", "status", "approve", "reject", "invoke", "logs", "trace", "gate")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m release {command}" in capsys.readouterr().out


def test_every_command_of_the_buildspecs_exists():
    text = "".join(path.read_text() for path in (ROOT / "buildspecs").glob("*.yml"))
    used = re.findall(r"python -m release (.+)", text)
    assert {arguments.split()[0] for arguments in used} == {"prepare", "train", "evaluate", "deploy"}
    for arguments in used:
        filled = arguments.replace('"$ENVIRONMENT"', "prod").split()
        assert command_line.build_parser().parse_args(filled).command == filled[0]


def test_an_input_comes_from_the_flag_or_from_the_stage_before(monkeypatch):
    arguments = command_line.build_parser().parse_args(["train", "--dataset-version", "v2"])
    monkeypatch.setenv("DATASET_VERSION", "v1")
    assert command_line.from_environment(arguments, "dataset_version") == "v2"
    arguments = command_line.build_parser().parse_args(["train"])
    assert command_line.from_environment(arguments, "dataset_version") == "v1"
    monkeypatch.delenv("DATASET_VERSION")
    with pytest.raises(ValueError, match="--dataset-version is missing; give it, or export DATASET_VERSION"):
        command_line.from_environment(arguments, "dataset_version")


@pytest.mark.parametrize(
    ("exported", "flag", "told"),
    [("arn:1", [], "arn:1"), ("arn:1", ["--champion-package-arn", "none"], "none"), ("", [], None)],
)
def test_deploy_is_told_what_the_package_was_judged_against_where_somebody_judged(monkeypatch, exported, flag, told):
    seen = []
    monkeypatch.setattr("release.stages.deploy.deploy", lambda *arguments: seen.append(arguments[-1]))
    monkeypatch.setattr("release.aws.platform.read_platform", lambda: None)
    monkeypatch.setattr(command_line, "aws_session", lambda: None)
    monkeypatch.setenv("CHAMPION_PACKAGE_ARN", exported)
    given = ["deploy", "--environment", "prod", "--model-package-arn", "arn:2", *flag]
    command_line.deploy(command_line.build_parser().parse_args(given))
    assert seen == [told]


def test_a_stage_writes_what_it_exports(tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "deploy", lambda arguments: {"ENDPOINT_NAME": "moderation-staging"})
    file = tmp_path / "variables.env"
    assert command_line.main(["deploy", "--environment", "staging", "--variables", str(file)]) == 0
    assert file.read_text() == "export ENDPOINT_NAME='moderation-staging'\n"


@pytest.mark.parametrize("error", [ValueError("row 3 is broken"), StageFailed("job failed")])
def test_a_foreseen_failure_is_a_message_and_no_traceback(monkeypatch, capsys, tmp_path, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr(command_line, "train", fail)
    file = tmp_path / "variables.env"
    assert command_line.main(["train", "--variables", str(file)]) == 1
    assert capsys.readouterr().err == f"error: {error}\n"
    assert not file.exists()


def test_a_missing_region_is_named(monkeypatch, capsys):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ValueError, match="no AWS region is set"):
        command_line.aws_session()


def test_deploy_and_the_operators_commands_do_without_the_heavy_sdk():
    """Importing it takes seconds; only training may pay for that."""
    code = (
        "import sys, release.__main__, release.stages.deploy, release.stages.evaluate; "
        "import release.operate.operator, release.stages.train; "
        "print(sorted({'sagemaker', 'huggingface_hub', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("auroc", "status"), [(0.9, 0), (0.1, 1)])
def test_an_evaluation_on_this_machine_is_judged_by_the_rules_of_the_project(tmp_path, capsys, auroc, status):
    whole = evaluation(champion=False)
    whole["candidate"]["metrics"]["macro_auroc"] = auroc
    (tmp_path / "evaluation.json").write_text(json.dumps(whole))
    rules = yaml.safe_load((ROOT / "moderation.yaml").read_text()) | {"gate": {"minimum": {"macro_auroc": 0.5}}}
    (tmp_path / "moderation.yaml").write_text(yaml.safe_dump(rules))
    arguments = ["gate", str(tmp_path / "evaluation.json"), "--config", str(tmp_path / "moderation.yaml")]
    assert command_line.main(arguments) == status
    printed = capsys.readouterr().out
    assert f"macro auroc is {auroc:.3f}" in printed
    assert f"gate: {'PASS' if status == 0 else 'FAIL'}" in printed


def test_an_evaluation_that_is_not_there_is_one_line(tmp_path, capsys):
    assert command_line.main(["gate", str(tmp_path / "evaluation.json")]) == 1
    assert "does not exist" in capsys.readouterr().err
