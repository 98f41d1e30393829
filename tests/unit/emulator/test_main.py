"""The command line."""

import pytest

from emulator import __main__ as command


def test_the_help_names_the_unit_and_default_of_each_option(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["serve", "--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "port on 127.0.0.1; 0 takes a free one (default 4566)" in said
    assert "canary waits (default 1)" in said


def test_the_root_must_be_named(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["serve"])
    assert ended.value.code == 2
    assert "--root" in capsys.readouterr().err


def test_the_developers_own_aws_settings_reach_nobody(monkeypatch, tmp_path):
    import os

    monkeypatch.setenv("AWS_PROFILE", "private")
    monkeypatch.setattr(command, "_serve", lambda arguments: [name for name in os.environ if name.startswith("AWS_")])
    assert command.main(["serve", "--root", str(tmp_path)]) == []
