import argparse

from release.commands.command import Command, show


def test_a_command_without_arguments_of_its_own_takes_none():
    parser = argparse.ArgumentParser()
    Command("check", lambda arguments: 0, "checks").add_arguments(parser)
    assert vars(parser.parse_args([])) == {}


def test_progress_is_shown_line_by_line(capsys):
    show("one")
    show("two")
    assert capsys.readouterr().out == "one\ntwo\n"
