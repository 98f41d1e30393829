from pathlib import Path

import pytest

from laptop import demo
from laptop.machine import Laptop, LaptopError
from laptop.screen import Screen
from release.operate import operator
from release.operate.progress import Stage


def stage(name: str, status: str = "Succeeded", **outputs) -> Stage:
    return Stage(name, status, 1.25, outputs, None, "")


def test_the_record_names_every_stage_even_those_never_reached():
    records = demo.stage_records([stage("Source"), stage("Check", "Failed")])
    assert [record["name"] for record in records] == list(demo.STAGES)
    assert [record["status"] for record in records][:3] == ["Succeeded", "Failed", "NotStarted"]


def test_the_time_is_that_of_terraform_of_the_model_and_of_the_rest():
    stages = [
        Stage("Check", "Succeeded", 50.0, {}, None, ""),
        Stage("Train", "Succeeded", 70.0, {}, None, ""),
        Stage("Evaluate", "Succeeded", 30.0, {}, None, ""),
        Stage("Staging", "Succeeded", 19.0, {"TERRAFORM_APPLY_SECONDS": "12.5"}, None, ""),
        Stage("Approve", "Succeeded", 5.0, {}, None, ""),
    ]
    spent = demo.seconds_of(60.0, stages, 240.0)
    assert spent["terraform apply"] == 72.5
    assert (spent["training"], spent["evaluation"], spent["approval"]) == (70.0, 30.0, 5.0)
    assert sum(spent.values()) == 240.0


@pytest.mark.parametrize("approve", [True, False])
def test_a_decision_on_the_command_line_is_taken_without_asking(approve, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    assert demo.ask_or_take(Screen(), [stage("Evaluate", GATE="PASS")], None, approve) is approve
    assert ("approved" if approve else "rejected") in capsys.readouterr().out


def test_without_a_terminal_the_demo_approves_and_says_so(monkeypatch, capsys, tmp_path):
    with (tmp_path / "input").open("w+") as not_a_terminal:
        monkeypatch.setattr("sys.stdin", not_a_terminal)
        assert demo.ask_or_take(Screen(), [stage("Evaluate", GATE="PASS")], None, None)
    assert "no terminal" in capsys.readouterr().out


def test_who_is_asked_sees_what_status_shows(capsys):
    evaluated = stage("Evaluate", GATE="PASS", MODEL_PACKAGE_ARN="arn:package/7", WORST_LABEL="threat -0.040")
    demo.ask_or_take(Screen(), [evaluated], Path("here/report.html"), True)
    shown = capsys.readouterr().out
    assert "on this machine: here/report.html" in shown
    for line in operator.candidate_lines([evaluated]):
        assert line in shown


def test_the_answer_lists_labels_by_score_with_threshold_and_flag():
    answer = {
        "model": "arn",
        "policy": "p-1",
        "results": [
            {
                "flagged": True,
                "truncated": False,
                "labels": {
                    "insult": {"score": 0.2, "threshold": 0.5, "flagged": False},
                    "threat": {"score": 0.9, "threshold": 0.4, "flagged": True},
                },
            }
        ],
    }
    lines = demo.describe_answer(answer).splitlines()
    assert "[x] threat" in lines[1]
    assert "[ ] insult" in lines[2]


def test_a_candidate_that_the_gate_stopped_is_told_with_the_broken_rules():
    stages = [stage("Evaluate", GATE="FAIL", GATE_SUMMARY="macro auroc is 0.700; at least 0.750 required: failed.")]
    told = demo.explain_failure(None, "moderation", "execution", stages, Path("here/report.html"))
    assert told.startswith("the gate stopped the candidate: macro auroc is 0.700; at least 0.750 required: failed.")
    assert "here/report.html shows all of it" in told


def test_the_report_of_another_run_is_not_taken_for_this_ones(tmp_path):
    (tmp_path / "report.html").write_text("of another candidate")
    assert demo.keep_report(Laptop(tmp_path), [stage("Train", "Failed")]) is None
    assert list(tmp_path.iterdir()) == []


class Stopped:
    """A laptop whose emulator answers, and whose platform can't be destroyed."""

    url, process_id = "http://127.0.0.1:1", 1


@pytest.fixture
def stopped(monkeypatch, tmp_path):
    """The laptops whose emulator was stopped."""
    found = []

    def fail(laptop, screen):
        raise LaptopError("terraform destroy failed")

    monkeypatch.setattr(Stopped, "directory", tmp_path, raising=False)
    monkeypatch.setattr(demo, "Laptop", Stopped)
    monkeypatch.setattr(demo.local, "destroy_endpoints", fail)
    monkeypatch.setattr(demo.local, "stop_emulator", found.append)
    return found


def test_a_platform_that_cannot_be_destroyed_stays_up_and_the_way_out_is_named(stopped, capsys):
    assert demo.main_down([]) == 1
    assert not stopped
    assert "make down FORCE=1" in capsys.readouterr().out


def test_force_only_stops_the_emulator(stopped):
    assert demo.main_down(["--force"]) == 0
    assert len(stopped) == 1


def test_an_emulator_that_is_too_busy_to_answer_is_not_taken_for_gone(stopped, monkeypatch, capsys):
    monkeypatch.setattr(Stopped, "url", None)
    assert demo.main_down([]) == 1
    assert demo.main(["--approve", "yes"]) == 1
    assert not stopped
    assert capsys.readouterr().out.count("the emulator runs as process 1 and did not answer") == 2
