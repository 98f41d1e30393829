import dataclasses
import inspect
import json

import numpy as np
import pytest

import inference
from contract.model.answer import Answer, LabelAnswer, Result
from contract.model.policy import NEVER
from moderation.model import handler
from moderation.model.policy import make_policy


@pytest.fixture(scope="module")
def moderator(served_model):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PACKAGE_ARN", "arn:aws:sagemaker:eu-west-1:123456789012:model-package/m/7")
        return handler.model_fn(str(served_model))


def asked(moderator, content):
    texts = handler.input_fn(json.dumps(content), "application/json")
    return json.loads(handler.output_fn(handler.predict_fn(texts, moderator), "application/json"))


def test_the_door_offers_the_functions_with_the_parameters_that_the_toolkit_counts():
    counts = {name: len(inspect.signature(getattr(inference, name)).parameters) for name in inference.__all__}
    assert counts == {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2}


def test_one_text_gets_every_label_with_score_thresholds_and_decision(moderator, served_model):
    answer = asked(moderator, {"text": "you are kind"})
    (result,) = answer["results"]
    assert list(result["labels"]) == ["insult", "threat"]
    assert result["labels"]["insult"]["threshold"] == 0.4
    assert result["labels"]["threat"]["threshold"] == 0.6
    assert result["labels"]["insult"]["block"] == 0.6
    for found in result["labels"].values():
        assert found["threshold"] == found["review"]
        assert found["flagged"] == (found["score"] >= found["review"]) == (found["decision"] != "allow")
    assert result["flagged"] == any(found["flagged"] for found in result["labels"].values())
    assert result["truncated"] is False
    assert answer["model"].endswith("model-package/m/7")
    assert answer["policy"] == json.loads((served_model / "policy.json").read_text())["id"]
    assert answer["id"] != asked(moderator, {"text": "you are kind"})["id"]


def test_an_answer_has_the_keys_of_the_contract(moderator):
    answer = asked(moderator, {"text": "you are kind"})
    assert answer.keys() == Answer.__annotations__.keys()
    assert answer["results"][0].keys() == Result.__annotations__.keys()
    assert answer["results"][0]["labels"]["insult"].keys() == LabelAnswer.__annotations__.keys()


def test_a_batch_is_answered_in_its_order(moderator):
    texts = ["you " * 9, "run", "nice hot soup " * 3]
    together = asked(moderator, {"texts": texts})["results"]
    alone = [asked(moderator, {"text": text})["results"][0] for text in texts]
    assert [r["labels"]["threat"]["score"] for r in together] == pytest.approx(
        [r["labels"]["threat"]["score"] for r in alone], abs=1e-5
    )
    assert len({r["labels"]["threat"]["score"] for r in together}) == 3


def test_a_flag_follows_the_threshold(moderator):
    for threshold, flagged in ((0.0, True), (1.01, False)):
        policy = make_policy(["insult", "threat"], np.full(2, threshold), np.full(2, 1.01))
        (result,) = handler.predict_fn(["fool"], dataclasses.replace(moderator, policy=policy))["results"]
        assert result["flagged"] is flagged


def test_a_text_is_decided_by_its_gravest_label_and_a_score_at_the_threshold_counts():
    policy = make_policy(["insult", "threat"], np.array([0.3, 0.4]), np.array([0.7, 0.8]))
    probs = np.array([[0.1, 0.39999], [0.3, 0.1], [0.5, 0.8], [0.7, 0.1]], dtype=np.float32)
    results = handler.answers(probs, [False] * 4, policy)
    assert [result["decision"] for result in results] == ["allow", "review", "block", "block"]
    assert [result["flagged"] for result in results] == [False, True, True, True]
    decided = [[found["decision"] for found in result["labels"].values()] for result in results]
    assert decided == [["allow", "allow"], ["review", "allow"], ["review", "block"], ["block", "allow"]]


def test_a_label_that_is_never_blocked_is_not_even_by_a_score_that_is_shown_as_1():
    policy = make_policy(["insult"], np.array([0.3]), np.array([NEVER]))
    (result,) = handler.answers(np.array([[0.9999999]], dtype=np.float32), [False], policy)
    assert result["labels"]["insult"]["score"] == 1
    assert result["decision"] == "review"


def test_a_long_text_is_cut_and_the_answer_says_so(moderator):
    first, second = asked(moderator, {"texts": ["you " * 500, "you"]})["results"]
    assert (first["truncated"], second["truncated"]) == (True, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"text": "\xff"}', "not valid JSON in UTF-8"),
        (b"[" * 100_000, "not valid JSON"),
        (b'["a"]', "found JSON of type list"),
        (b"{}", "found no key, expected exactly one of the keys"),
        (b'{"texts": ["a"], "text": "a"}', "expected exactly one of the keys"),
        (b'{"inputs": "a"}', "found 1 other, expected exactly one of the keys"),
        (b'{"texts": "a"}', "texts: found str, expected a list of strings"),
        (b'{"texts": []}', "texts: found 0 texts, expected 1 to 128"),
        (json.dumps({"texts": ["a"] * 129}).encode(), "texts: found 129 texts"),
        (b'{"text": null}', "text 0: found NoneType, expected a string"),
        (b'{"texts": ["a", 5]}', "text 1: found int, expected a string"),
        (b'{"text": "  "}', "text 0: found nothing but white space"),
        (json.dumps({"text": "a" * 50_001}).encode(), "text 0: found 50001 characters, expected at most 50000"),
        (b'{"text": "\\ud800"}', "half a character"),
        (b'{"text": "' + b"a" * 1_000_000 + b'"}', "found a body of 1000012 bytes, expected at most 1000000"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason(body, reason):
    with pytest.raises(ValueError, match=reason):
        handler.input_fn(body, "application/json")
    with pytest.raises(ValueError, match=reason):
        handler.input_fn(bytearray(body), "application/json; charset=utf-8")


def test_other_content_types_are_refused():
    with pytest.raises(ValueError, match="found the content type 'text/csv', expected the content type"):
        handler.input_fn("a", "text/csv")
    assert handler.input_fn('{"text": "é"}', "Application/JSON;charset=utf-8") == ["é"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html, application/*;q=0.8"])
def test_json_is_the_answer_to_whoever_accepts_it(accept):
    assert handler.output_fn({"a": 1}, accept) == '{"a": 1}'


def test_an_answer_in_another_type_is_refused():
    with pytest.raises(ValueError, match="found 1 accepted types and none of them JSON"):
        handler.output_fn({"a": 1}, "text/csv")


def test_no_text_reaches_the_log(moderator, capsys, caplog):
    with caplog.at_level("DEBUG"):
        asked(moderator, {"text": "soup soup soup soup"})
    captured = capsys.readouterr()
    assert "soup" not in captured.out + captured.err + caplog.text


SECRET = "my neighbour told me a long secret about her late uncle"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps({SECRET: 1}), "application/json"),
        (json.dumps({"text": "a", SECRET: 1}), "application/json"),
        (json.dumps({"texts": {SECRET: 1}}), "application/json"),
        (json.dumps({"text": [SECRET]}), "application/json"),
        (SECRET, "application/json"),
        (f'{{"text": "{SECRET}', "application/json"),
        ("{}", SECRET),
        (json.dumps({"text": SECRET * 2000}), "application/json"),
    ],
)
def test_no_reason_repeats_what_may_be_a_text(body, content_type):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        handler.input_fn(body, content_type)
    assert "secret" not in str(caught.value)


def test_a_text_is_counted_as_what_it_stands_for():
    ligature = "\ufdfa"  # 18 characters, once it is undone
    assert handler.input_fn(json.dumps({"text": ligature * 2000}), "application/json")
    with pytest.raises(ValueError, match=r"text 0: found 54000 characters, expected at most 50000, counted after"):
        handler.input_fn(json.dumps({"text": ligature * 3000}), "application/json")
    with pytest.raises(ValueError, match=r"found 1080000 characters in all texts, expected at most 1000000"):
        handler.input_fn(json.dumps({"texts": [ligature * 2000] * 30}), "application/json")
