from pathlib import Path

import pytest

from laptop import demo
from laptop.screen import Screen
from laptop.source import Execution
from release.operate.progress import Stage
from release.operate.status import candidate_lines


def stage(name: str, status: str = "Succeeded", **outputs) -> Stage:
    return Stage(name, status, 1.25, outputs, None, "")


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
    for line in candidate_lines([evaluated]):
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
    text = demo.explain_failure(None, Execution("moderation", "e-1", "c0ffee"), stages, Path("here/report.html"))
    assert text.startswith("the gate stopped the candidate: macro auroc is 0.700; at least 0.750 required: failed.")
    assert "here/report.html shows all of it" in text


def test_an_emulator_that_is_too_busy_to_answer_is_not_taken_for_gone(tmp_path, monkeypatch, capsys):
    class Busy:
        directory, url, process_id = tmp_path, None, 1

    stopped = []
    monkeypatch.setattr(demo, "Laptop", Busy)
    monkeypatch.setattr(demo, "stop_emulator", stopped.append)
    assert demo.main(["--approve", "yes"]) == 1
    assert not stopped
    assert "the emulator runs as process 1 and did not answer" in capsys.readouterr().out


def test_a_stage_that_failed_is_told_with_what_to_do():
    failed = stage("Train", "Failed")
    text = demo.explain_failure(None, Execution("moderation", "e-1", "c0ffee"), [failed], None)
    assert "stage Train failed" in text
    assert "Fix the cause and push again" in text
