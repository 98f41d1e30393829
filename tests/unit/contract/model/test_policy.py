from contract.model.policy import DECISIONS, NEVER


def test_the_gravest_decision_is_the_last_and_no_score_reaches_never():
    assert DECISIONS == ("allow", "review", "block")
    assert NEVER == 1
