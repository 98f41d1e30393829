from typing import get_type_hints

from contract.model.answer import Answer, LabelAnswer, Result
from contract.model.policy import Decision


def test_an_answer_holds_a_result_for_each_text_and_a_decision_for_each_label():
    assert get_type_hints(Answer)["results"] == list[Result]
    assert get_type_hints(Result)["labels"] == dict[str, LabelAnswer]
    assert get_type_hints(LabelAnswer)["decision"] == get_type_hints(Result)["decision"] == Decision
