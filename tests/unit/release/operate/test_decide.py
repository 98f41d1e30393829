import pytest

from release.operate.decide import ApprovalAnswer, decide


@pytest.mark.parametrize(("approve", "status"), [(True, "Approved"), (False, "Rejected")])
def test_a_decision_answers_the_waiting_approval_with_its_token_and_reason(code_pipeline, approve, status, capsys):
    codepipeline = code_pipeline()
    assert decide(codepipeline, None, ApprovalAnswer(approve, "looked at the report")) == 0
    assert codepipeline.results == [
        {
            "pipelineName": "moderation",
            "stageName": "Approve",
            "actionName": "Approve",
            "token": "t-1",
            "result": {"status": status, "summary": "looked at the report"},
        }
    ]
    assert "execution e-1, package arn:package/1" in capsys.readouterr().out


def test_another_execution_than_the_one_read_is_not_decided(code_pipeline):
    codepipeline = code_pipeline()
    with pytest.raises(ValueError, match="execution e-1 of moderation waits for approval, not e-0: not decided"):
        decide(codepipeline, None, ApprovalAnswer(True, "", "e-0"))
    assert not codepipeline.results
    assert decide(codepipeline, None, ApprovalAnswer(True, "", "e-1")) == 0


def test_what_cannot_be_named_is_decided_only_by_its_execution(code_pipeline):
    codepipeline = code_pipeline(outputs={})
    with pytest.raises(ValueError, match="python -m release reject --execution e-1"):
        decide(codepipeline, None, ApprovalAnswer(False, ""))
    assert not codepipeline.results
    assert decide(codepipeline, None, ApprovalAnswer(False, "", "e-1")) == 0


def test_nothing_to_decide_is_said(code_pipeline):
    with pytest.raises(ValueError, match="nothing waits for approval"):
        decide(code_pipeline(waiting=False), "moderation", ApprovalAnswer(True, ""))
