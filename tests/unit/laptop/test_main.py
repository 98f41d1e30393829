import pytest

from laptop.__main__ import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m laptop {command}" in capsys.readouterr().out


def test_help_lists_every_command_and_wrong_usage_is_an_error(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [command for command in COMMANDS if f"  {command}" not in shown] == []
    assert main([]) == 2
    assert main(["fly"]) == 2
    assert "usage: python -m laptop COMMAND" in capsys.readouterr().err
