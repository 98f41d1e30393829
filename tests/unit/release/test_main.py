import re
import subprocess
import sys
from pathlib import Path

import pytest

from release import __main__ as command_line
from release.aws.failure import StageFailed

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "prepare",
    "train",
    "evaluate",
    "deploy",
    "status",
    "approve",
    "reject",
    "invoke",
    "logs",
    "trace",
    "teardown",
    "check",
    "gate",
    "schema",
)


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


@pytest.mark.parametrize("error", [ValueError("row 3 is broken"), StageFailed("job failed")])
def test_a_foreseen_failure_is_a_message_and_no_traceback(monkeypatch, capsys, tmp_path, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr("release.commands.stages.pipeline_run", fail)
    file = tmp_path / "variables.env"
    assert command_line.main(["train", "--variables", str(file)]) == 1
    assert capsys.readouterr().err == f"error: {error}\n"
    assert not file.exists()


def test_deploy_and_the_operators_commands_do_without_the_heavy_sdk():
    """Importing it takes seconds; only training may pay for that."""
    code = "import sys, release.__main__; print(sorted({'sagemaker', 'huggingface_hub', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_newest_release_in_the_changelog(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["--version"])
    newest = re.search(r"^## (\S+) - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert capsys.readouterr().out.strip() == newest[1]
