import io
import json

import numpy as np
import pytest
from botocore.exceptions import ClientError

from contract.model.policy import DECISIONS, decide
from moderation.model.policy import Policy
from release.stages import smoke
from release.stages.release_plan import Package
from release.stages.smoke import SmokeFailed, contract_faults, percentile

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/moderation/1"


def answer(texts=1, score=0.9, threshold=0.4, block=0.8, truncated=False):
    decision = "allow" if score < threshold else "review" if score < block else "block"
    entry = {"score": score, "threshold": threshold, "review": threshold, "block": block}
    entry |= {"flagged": score >= threshold, "decision": decision}
    result = {
        "decision": decision,
        "flagged": entry["flagged"],
        "truncated": truncated,
        "labels": {"insult": entry},
    }
    return {
        "id": "1",
        "model": PACKAGE,
        "policy": "p-0123456789ab",
        "results": [json.loads(json.dumps(result)) for _ in range(texts)],
    }


def test_an_answer_that_keeps_the_contract_has_no_faults():
    assert contract_faults(answer(3), 3, PACKAGE) == []
    assert contract_faults(answer(score=0.8), 1, PACKAGE) == []
    assert contract_faults(answer(score=0.5), 1, PACKAGE) == []
    assert contract_faults(answer(score=0.1), 1, PACKAGE) == []


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (lambda a: a.update(model="another"), "comes from model 'another'"),
        (lambda a: a.update(policy=None), "names no policy"),
        (lambda a: a.update(results=[]), "has 0 results, expected 1"),
        (lambda a: a["results"][0]["labels"].clear(), "has no labels"),
        (lambda a: a["results"][0].update(truncated="no"), "truncated is 'no'"),
        (lambda a: a["results"][0]["labels"]["insult"].update(score=1.2), "score of insult is 1.2"),
        (lambda a: a["results"][0]["labels"]["insult"].update(threshold=None), "threshold of insult is None"),
        (lambda a: a["results"][0]["labels"]["insult"].update(flagged=False), "threshold 0.4 and flagged False"),
        (lambda a: a["results"][0].update(flagged=False), "flagged is False, its labels say True"),
        (lambda a: a["results"][0].update(decision="allow"), "decision is 'allow', its labels say block"),
        (lambda a: a["results"][0]["labels"]["insult"].update(decision="review"), "block 0.8 and decision 'review'"),
        (lambda a: a["results"][0]["labels"]["insult"].update(block=0.3), "review 0.4 and block 0.3"),
        (lambda a: a["results"][0]["labels"]["insult"].update(block=None), "block None, expected review <= block"),
        (lambda a: a["results"][0]["labels"]["insult"].update(review=0.3), "threshold 0.4 beside review 0.3"),
    ],
)
def test_each_broken_promise_is_named(break_it, fault):
    broken = answer()
    break_it(broken)
    assert any(fault in each for each in contract_faults(broken, 1, PACKAGE))


def test_results_with_different_labels_are_a_fault():
    broken = answer(2)
    broken["results"][1]["labels"]["threat"] = broken["results"][1]["labels"].pop("insult")
    assert "its results do not all have the same labels" in contract_faults(broken, 2, PACKAGE)


def test_percentiles_are_values_that_were_measured():
    assert percentile([5.0, 1.0, 3.0, 4.0, 2.0], 0.5) == 3.0
    assert percentile(list(range(1, 101)), 0.99) == 99


class Runtime:
    """An endpoint that keeps the contract, unless told otherwise."""

    def __init__(self, truncates=True, refuses=True, refusal_status=400):
        self.truncates, self.refuses, self.refusal_status = truncates, refuses, refusal_status
        self.requests = 0

    def client(self, service):
        assert service == "sagemaker-runtime"
        return self

    def invoke_endpoint(self, EndpointName, ContentType, Body, Accept=None):
        self.requests += 1
        try:
            assert ContentType == "application/json"
            request = json.loads(Body)
            texts = request.get("texts") or [request["text"]]
            assert all(isinstance(text, str) and text for text in texts)
        except (ValueError, KeyError, AssertionError):
            if self.refuses:
                raise ClientError(
                    {
                        "Error": {"Code": "ModelError", "Message": "bad request"},
                        "OriginalStatusCode": self.refusal_status,
                    },
                    "InvokeEndpoint",
                ) from None
            texts = ["x"]
        long = self.truncates and any(len(text) > 5000 for text in texts)
        return {"Body": io.BytesIO(json.dumps(answer(len(texts), truncated=long)).encode())}


def package(arn=PACKAGE, max_length=128):
    return Package(arn, "image", "s3://models/model.tar.gz", max_length=max_length)


def check(runtime, thorough=True, max_length=128):
    shown = []
    smoke.check("moderation-staging", package(max_length=max_length), runtime, thorough, shown.append)
    return shown


def test_a_good_endpoint_passes_and_the_load_is_reported():
    shown = check(Runtime())
    assert any("p50" in line and "p99" in line for line in shown)


def test_prod_is_asked_three_good_questions_and_no_bad_ones():
    runtime = Runtime()
    check(runtime, thorough=False)
    assert runtime.requests == 3


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (Runtime(truncates=False), "did not say that it truncated"),
        (Runtime(refuses=False), "accepted text that is no JSON"),
        (Runtime(refusal_status=500), r"status 500\), expected a 4xx"),
    ],
)
def test_a_broken_endpoint_fails_with_the_request_that_showed_it(runtime, words):
    with pytest.raises(SmokeFailed, match=words):
        check(runtime)


def test_an_answer_from_another_package_fails():
    with pytest.raises(SmokeFailed, match="comes from model"):
        smoke.check("moderation-prod", package(PACKAGE + "2"), Runtime(), False, lambda line: None)


def test_a_model_that_reads_the_longest_text_whole_need_not_truncate_it():
    assert check(Runtime(truncates=False), max_length=32768)
    with pytest.raises(SmokeFailed, match="did not say that it truncated"):
        check(Runtime(truncates=False), max_length=8192)


@pytest.mark.parametrize("score", [0.3, 0.4, 0.8, 0.999999, 1.0])
@pytest.mark.parametrize(("review", "block"), [(0.4, 0.8), (0.4, 1.0), (1.0, 1.0), (0.8, 0.8)])
def test_the_release_decides_as_the_model_does(score, review, block):
    by_model = Policy("p", ("insult",), np.array([review]), np.array([block])).decisions(np.array([[score]]))[0, 0]
    assert decide(score, review, block) == DECISIONS[by_model]


def test_a_score_of_one_is_reviewed_where_nothing_is_blocked():
    given = answer(1, score=1.0, block=1.0)
    given["results"][0]["decision"] = given["results"][0]["labels"]["insult"]["decision"] = "review"
    assert contract_faults(given, 1, PACKAGE) == []
