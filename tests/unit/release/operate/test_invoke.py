import io
import json

import pytest

from release.operate.invoke import answer_lines, invoke


def test_an_answer_is_readable_with_the_highest_score_first():
    answer = {
        "id": "r-1",
        "model": "arn:package/1",
        "policy": "p-1",
        "results": [
            {
                "decision": "block",
                "flagged": True,
                "truncated": True,
                "labels": {
                    "insult": {"score": 0.2, "review": 0.4, "block": 0.8, "decision": "allow"},
                    "spam": {"score": 0.6, "review": 0.5, "block": 0.8, "decision": "review"},
                    "threat": {"score": 0.9, "review": 0.5, "block": 0.8, "decision": "block"},
                },
            }
        ],
    }
    lines = answer_lines(answer)
    assert lines[0] == "block, text was too long and was cut"
    assert lines[1].startswith("  [x] threat")
    assert lines[2].startswith("  [?] spam")
    assert lines[3].startswith("  [ ] insult")
    assert "arn:package/1, policy p-1, request r-1" in lines[4]


class Runtime:
    """A session whose endpoint answers with the request it got."""

    def client(self, service):
        return self

    def invoke_endpoint(self, EndpointName, ContentType, Accept, Body):
        answer = {"id": EndpointName, "model": "arn", "policy": "p-1", "results": [], "request": json.loads(Body)}
        return {"Body": io.BytesIO(json.dumps(answer).encode())}


@pytest.mark.parametrize(
    ("texts", "request_body"), [(["one"], {"text": "one"}), (["one", "two"], {"texts": ["one", "two"]})]
)
def test_one_text_and_several_are_asked_as_the_endpoint_takes_them(capsys, texts, request_body):
    assert invoke(Runtime(), "prod", "moderation-prod", texts, as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["id"], answer["request"]) == ("moderation-prod", request_body)
