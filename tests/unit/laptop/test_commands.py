import pytest

from laptop import commands
from laptop.machine import LaptopError


class Stopped:
    """A laptop whose emulator answers, and whose platform can't be destroyed."""

    url, process_id = "http://127.0.0.1:1", 1


@pytest.fixture
def stopped(monkeypatch, tmp_path):
    """The laptops whose emulator was stopped."""
    ended = []

    def fail(laptop, screen):
        raise LaptopError("terraform destroy failed")

    monkeypatch.setattr(Stopped, "directory", tmp_path, raising=False)
    monkeypatch.setattr(commands, "Laptop", Stopped)
    monkeypatch.setattr(commands, "destroy_endpoints", fail)
    monkeypatch.setattr(commands, "stop_emulator", ended.append)
    return ended


def test_a_platform_that_cannot_be_destroyed_stays_up_and_the_way_out_is_named(stopped, capsys):
    assert commands.down([]) == 1
    assert not stopped
    assert "make down FORCE=1" in capsys.readouterr().out


def test_force_only_stops_the_emulator(stopped):
    assert commands.down(["--force"]) == 0
    assert len(stopped) == 1


def test_an_emulator_that_is_too_busy_to_answer_is_not_taken_down(stopped, monkeypatch, capsys):
    monkeypatch.setattr(Stopped, "url", None)
    assert commands.down([]) == 1
    assert not stopped
    assert "the emulator runs as process 1 and did not answer" in capsys.readouterr().out
