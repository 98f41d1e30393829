import json

import pytest
from helpers.evaluations import POLICY, evaluation

from release.decision.documents import read_evaluation, read_manifest, read_policy

MANIFEST = {
    "dataset_version": "v1",
    "lineage": "v1",
    "rows": {"train": 3, "validation": 1, "test": 1},
    "labels": ["insult"],
    "files": {"labels.json": "a" * 64},
    "source": "raw/",
    "split": {"seed": 13},
}


def content(document):
    return json.dumps(document).encode()


def with_value(path, value):
    """A good evaluation with another value at a place."""
    whole = evaluation()
    *parents, last = path.split(".")
    part = whole
    for name in parents:
        part = part[name]
    part[last] = value
    return content(whole)


@pytest.mark.parametrize("champion", [True, False])
def test_a_good_evaluation_is_read_as_it_is(champion):
    whole = evaluation(champion)
    assert read_evaluation(content(whole), "evaluation.json") == whole


def test_another_schema_is_refused_with_what_to_do():
    message = r"evaluation.json: found schema_version 2, expected 3: release and moderation must come from the same"
    with pytest.raises(ValueError, match=message):
        read_evaluation(content({"schema_version": 2}), "evaluation.json")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("candidate.metrics.macro_auroc", "0.9", 'candidate.metrics.macro_auroc: found "0.9", expected a number'),
        ("comparison.champion.flips.insult", True, "comparison.champion.flips.insult: found true, expected a number"),
        ("rows", None, "rows: found nothing"),
        ("latency.candidat", {}, "latency.candidat: found a key that this commit does not know"),
    ],
)
def test_a_wrong_value_or_key_is_named_with_its_place(path, value, message):
    with pytest.raises(ValueError, match=message):
        read_evaluation(with_value(path, value), "evaluation.json")


def test_a_missing_key_is_named():
    whole = evaluation()
    del whole["candidate"]["labels"]
    with pytest.raises(ValueError, match=r"evaluation.json: candidate.labels: found nothing, this key must be there"):
        read_evaluation(content(whole), "evaluation.json")


def test_a_number_that_could_not_be_computed_is_none():
    whole = read_evaluation(with_value("candidate.metrics.macro_auroc", None), "evaluation.json")
    assert whole["candidate"]["metrics"]["macro_auroc"] is None


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'"x"'])
def test_what_is_no_json_object_is_named(broken):
    for reader in (read_evaluation, read_policy, read_manifest):
        with pytest.raises(ValueError, match=r"name\.json"):
            reader(broken, "name.json")


def test_a_policy_is_two_thresholds_a_label():
    assert read_policy(content(POLICY), "policy.json") == POLICY
    broken = {"id": "p-1", "labels": {"insult": {"review": 0.4}}}
    with pytest.raises(ValueError, match=r"policy.json: labels.insult.block: found nothing"):
        read_policy(content(broken), "policy.json")


@pytest.mark.parametrize(
    "change", [{"dataset_version": "../prod"}, {"dataset_version": None}, {"rows": {"train": 1}}, {"files": {}}]
)
def test_a_manifest_that_breaks_the_contract_is_refused(change):
    assert read_manifest(content(MANIFEST), "manifest.json") == MANIFEST
    with pytest.raises(ValueError, match=f"manifest.json: {next(iter(change))}: found"):
        read_manifest(content(MANIFEST | change), "manifest.json")
