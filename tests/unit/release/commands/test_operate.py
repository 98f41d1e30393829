import pytest

from release.__main__ import main
from release.commands import operate


@pytest.fixture
def asked(monkeypatch):
    """What the commands asked for; nobody answers."""
    calls = []

    def note(name):
        def call(session, *arguments, **options):
            calls.append((name, *arguments, *options.values()))
            return 0

        return call

    monkeypatch.setattr(operate, "aws_session", lambda: None)
    for module, function in (
        (operate.asking, "show_status"),
        (operate.deciding, "decide"),
        (operate.invoking, "invoke"),
        (operate.logging, "show_logs"),
    ):
        monkeypatch.setattr(module, function, note(function))
    return calls


@pytest.mark.parametrize(("word", "approve"), [("approve", True), ("reject", False)])
def test_a_decision_carries_execution_and_reason(asked, word, approve):
    assert main([word, "--pipeline", "p", "--execution", "e-1"]) == 0
    assert asked == [("decide", "p", operate.deciding.ApprovalAnswer(approve, f"{word} at a terminal", "e-1"))]


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["status"], ("show_status", None)),
        (["logs", "--stage", "train", "--follow"], ("show_logs", None, "train", True)),
        (["invoke", "a", "b", "--json"], ("invoke", "prod", None, ["a", "b"], True)),
    ],
)
def test_a_question_is_asked_as_it_was_typed(asked, arguments, call):
    assert main(arguments) == 0
    assert asked == [call]
