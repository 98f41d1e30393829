"""What a live endpoint must answer before a release counts: checked from outside, request by request."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError

from contract.model.answer import MAXIMUM_CHARACTERS, Answer
from contract.model.policy import DECISIONS, decide
from release.aws.failure import StageFailed
from release.stages.release_plan import Package

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

CLEAN_TEXT = "Thank you for the quick reply, see you on Monday."
RUDE_TEXT = "You are an idiot and everybody here would be happier without you."
# The longest text that an endpoint takes, and at least as many tokens as words: more than most models read
LONG_TEXT = "a " * (MAXIMUM_CHARACTERS // 2)
LONG_TEXT_WORDS = MAXIMUM_CHARACTERS // 2
BAD_REQUESTS = (
    ("text that is no JSON", b"{not json", "application/json"),
    ("an object without text", b"{}", "application/json"),
    ("an empty text", b'{"text": ""}', "application/json"),
    ("a number for a text", b'{"text": 7}', "application/json"),
    ("a wrong content type", b"hello", "text/csv"),
)
LOAD_REQUESTS = 100
LOAD_CLIENTS = 4


class SmokeFailed(StageFailed):
    """A live endpoint broke the contract; the message says with what request and what it answered."""


@dataclass(frozen=True)
class Endpoint:
    """A live endpoint, and who must answer there."""

    name: str
    package_arn: str
    runtime: SageMakerRuntimeClient


@dataclass(frozen=True)
class Question:
    """A good request."""

    what: str
    """In words, for messages."""
    texts: tuple[str, ...]
    """One text is sent as `text`, several are sent as `texts`."""

    @property
    def body(self) -> dict[str, Any]:
        """The request as JSON takes it."""
        return {"text": self.texts[0]} if len(self.texts) == 1 else {"texts": list(self.texts)}


ONE_TEXT = Question("one text", (CLEAN_TEXT,))
BATCH = Question("a batch", (CLEAN_TEXT, RUDE_TEXT, CLEAN_TEXT))
VERY_LONG = Question("a very long text", (LONG_TEXT,))
AFTERWARDS = Question("one text after bad requests", (CLEAN_TEXT,))


@dataclass(frozen=True)
class Load:
    """A small load check's outcome."""

    requests: int
    p50_milliseconds: float
    p99_milliseconds: float
    requests_per_second: float


def check(
    endpoint_name: str,
    package: Package,
    session: boto3.Session,
    thorough: bool,
    show: Callable[[str], None] = print,
) -> None:
    """Ask the live endpoint; SmokeFailed names the first broken promise.

    thorough: also bad requests and a small load. Not on prod, where they would count in the alarms and in the latency
    of customers' traffic.
    """
    endpoint = Endpoint(endpoint_name, package.arn, session.client("sagemaker-runtime"))
    _expect(endpoint, ONE_TEXT)
    _expect(endpoint, BATCH)
    truncated = _expect(endpoint, VERY_LONG)["results"][0]["truncated"]
    if not truncated and package.max_length < LONG_TEXT_WORDS:
        raise SmokeFailed(
            f"endpoint {endpoint_name} did not say that it truncated a text of {len(LONG_TEXT)} characters"
        )
    show("  contract: one text, a batch and a long text were answered as promised, by the wanted model package")
    if not thorough:
        return

    for what, body, content_type in BAD_REQUESTS:
        _expect_refusal(endpoint, what, body, content_type)
    _expect(endpoint, AFTERWARDS)
    show(f"  bad input: {len(BAD_REQUESTS)} bad requests were refused with a reason, and the endpoint lives")
    load = measure_load(endpoint)
    show(
        f"  load: {load.requests} requests, {LOAD_CLIENTS} at a time: {load.requests_per_second:.0f} a second, "
        f"p50 {load.p50_milliseconds:.0f} ms, p99 {load.p99_milliseconds:.0f} ms"
    )


def invoke(endpoint_name: str, body: Any, runtime: SageMakerRuntimeClient) -> Answer:
    """The endpoint's answer to a JSON-serialisable body, as it came: `contract_faults` says what is wrong with it."""
    response = runtime.invoke_endpoint(
        EndpointName=endpoint_name,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps(body).encode("utf-8"),
    )
    return json.loads(response["Body"].read())


def contract_faults(answer: Any, texts: int, package_arn: str | None = None) -> list[str]:
    """What is wrong with an answer to so many texts; empty when it keeps the contract. A pure function."""
    if not isinstance(answer, dict):
        return [f"the answer is {type(answer).__name__}, expected an object"]

    faults = []
    if not answer.get("id"):
        faults.append("it has no id")
    if not answer.get("policy"):
        faults.append("it names no policy")
    if package_arn is not None and answer.get("model") != package_arn:
        faults.append(f"it comes from model {answer.get('model')!r}, expected {package_arn!r}")
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != texts:
        number = f"{len(results)} results" if isinstance(results, list) else "no list of results"
        return [*faults, f"it has {number}, expected {texts}"]

    names = [set(result.get("labels", {})) for result in results]
    if not names[0]:
        faults.append("it has no labels")
    if any(other != names[0] for other in names):
        faults.append("its results do not all have the same labels")
    for index, result in enumerate(results):
        faults += [f"result {index}: {fault}" for fault in _result_faults(result)]
    return faults


def measure_load(endpoint: Endpoint) -> Load:
    """LOAD_REQUESTS requests from LOAD_CLIENTS clients at once; any failed one ends in SmokeFailed."""

    def timed(_: int) -> float:
        begun = time.perf_counter()
        try:
            invoke(endpoint.name, ONE_TEXT.body, endpoint.runtime)
        except (ClientError, BotoCoreError, ValueError) as error:
            raise SmokeFailed(
                f"endpoint {endpoint.name} failed under a load of {LOAD_CLIENTS} clients: {error}"
            ) from error
        return (time.perf_counter() - begun) * 1000

    begun = time.perf_counter()
    with ThreadPoolExecutor(LOAD_CLIENTS) as clients:
        milliseconds = list(clients.map(timed, range(LOAD_REQUESTS)))
    elapsed = time.perf_counter() - begun

    return Load(
        requests=LOAD_REQUESTS,
        p50_milliseconds=percentile(milliseconds, 0.50),
        p99_milliseconds=percentile(milliseconds, 0.99),
        requests_per_second=LOAD_REQUESTS / elapsed,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _expect(endpoint: Endpoint, question: Question) -> Answer:
    try:
        answer = invoke(endpoint.name, question.body, endpoint.runtime)
    except (ClientError, BotoCoreError, ValueError) as error:
        raise SmokeFailed(
            f"endpoint {endpoint.name} did not answer {question.what}: {error}; see "
            f"/aws/sagemaker/Endpoints/{endpoint.name}"
        ) from error
    faults = contract_faults(answer, len(question.texts), endpoint.package_arn)
    if faults:
        raise SmokeFailed(f"endpoint {endpoint.name} answered {question.what} wrongly: {'; '.join(faults)}")
    return answer


def _expect_refusal(endpoint: Endpoint, what: str, body: bytes, content_type: str) -> None:
    try:
        endpoint.runtime.invoke_endpoint(EndpointName=endpoint.name, ContentType=content_type, Body=body)
    except ClientError as error:
        status: Any = error.response.get("OriginalStatusCode")
        if error.response["Error"]["Code"] == "ModelError" and status is not None and 400 <= int(status) < 500:
            return
        raise SmokeFailed(
            f"endpoint {endpoint.name} met {what} with {error.response['Error']['Code']} "
            f"(status {status}), expected a 4xx with a reason"
        ) from error
    raise SmokeFailed(f"endpoint {endpoint.name} accepted {what}, expected a 4xx with a reason")


def _result_faults(result: dict[str, Any]) -> list[str]:
    faults = []
    if not isinstance(result.get("truncated"), bool):
        faults.append(f"truncated is {result.get('truncated')!r}, expected true or false")

    flags, decisions = [], []
    for label, entry in result.get("labels", {}).items():
        score, threshold, flagged = entry.get("score"), entry.get("threshold"), entry.get("flagged")
        if not _is_share(score):
            faults.append(f"the score of {label} is {score!r}, expected a number from 0 to 1")
        elif not _is_share(threshold):
            faults.append(f"the threshold of {label} is {threshold!r}, expected a number from 0 to 1")
        elif flagged != (score >= threshold):
            faults.append(f"{label} has score {score}, threshold {threshold} and flagged {flagged!r}")
        else:
            faults += _decision_faults(label, entry)
        flags.append(flagged)
        decisions.append(entry.get("decision"))

    if result.get("decision") != max(decisions, key=_gravity, default=None):
        faults.append(f"decision is {result.get('decision')!r}, its labels say {', '.join(map(str, decisions))}")
    if result.get("flagged") != any(flags):
        faults.append(f"flagged is {result.get('flagged')!r}, its labels say {any(flags)}")
    return faults


def _decision_faults(label: str, entry: dict[str, Any]) -> list[str]:
    review, block, decision = entry.get("review"), entry.get("block"), entry.get("decision")
    if not (_is_share(review) and _is_share(block) and review <= block):
        return [f"{label} has the thresholds review {review!r} and block {block!r}, expected review <= block"]
    if entry["threshold"] != review:
        return [f"{label} has threshold {entry['threshold']} beside review {review}, expected the same"]
    expected = decide(entry["score"], review, block)
    if decision != expected:
        return [f"{label} has score {entry['score']}, review {review}, block {block} and decision {decision!r}"]
    return []


def _gravity(decision: Any) -> int:
    return DECISIONS.index(decision) if decision in DECISIONS else -1


def _is_share(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
