import json

import pytest
from helpers.evaluations import FAILED, LABELS, candidate, evaluation

from contract.evaluation.vocabulary import LABEL_METRIC_NAMES, METRIC_NAMES
from release.decision.model_card import page, registry_card

# https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema: known keys
KNOWN = {
    "": {
        "model_overview", "intended_uses", "business_details", "training_details", "evaluation_details",
        "additional_information",
    },
    "model_overview": {"model_creator", "model_artifact"},
    "intended_uses": {
        "purpose_of_model", "intended_uses", "factors_affecting_model_efficiency", "risk_rating",
        "explanations_for_risk_rating",
    },
    "training_details": {"objective_function", "training_observations", "training_job_details"},
    "training_details.training_job_details": {
        "training_arn", "training_datasets", "training_environment", "training_metrics",
        "user_provided_training_metrics", "hyper_parameters", "user_provided_hyper_parameters",
    },
    "evaluation_details": {
        "name", "evaluation_observation", "evaluation_job_arn", "datasets", "metadata", "metric_groups",
    },
    "additional_information": {"ethical_considerations", "caveats_and_recommendations", "custom_details"},
}  # fmt: skip


def objects(value, path=""):
    """Every object of a card with its path; list items have the path of their list."""
    if isinstance(value, dict):
        yield path, value
        for name, part in value.items():
            yield from objects(part, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for part in value:
            yield from objects(part, path)


def test_the_card_holds_only_what_the_schema_knows(platform):
    seen = dict(objects(json.loads(registry_card(candidate(), platform))))
    assert set(KNOWN) <= set(seen)
    assert {path: set(seen[path]) - known for path, known in KNOWN.items() if set(seen[path]) - known} == {}


def test_a_card_leaves_out_what_could_not_be_computed_and_stays_within_the_limits(platform):
    whole = evaluation(champion=False)
    whole["candidate"]["metrics"]["macro_f1"] = None
    long = {f"option-{index}": "v" * 2500 for index in range(90)}
    content = registry_card(candidate(evaluation=whole, hyperparameters=long), platform)
    assert len(content) <= 100_000
    card = json.loads(content)
    groups = {group["name"]: group["metric_data"] for group in card["evaluation_details"][0]["metric_groups"]}
    assert set(groups) == {"Candidate", "TF-IDF baseline", "Frozen encoder", *LABELS}
    assert "Macro F1" not in {metric["name"] for metric in groups["Candidate"]}
    assert all(isinstance(metric["value"], float) for metrics in groups.values() for metric in metrics)


def test_figures_have_the_names_that_they_have_on_every_page(platform):
    card = json.loads(registry_card(candidate(), platform))
    groups = {group["name"]: group["metric_data"] for group in card["evaluation_details"][0]["metric_groups"]}
    assert {metric["name"] for metric in groups["Live model"]} <= set(METRIC_NAMES.values())
    assert {metric["name"] for metric in groups["insult"]} <= set(LABEL_METRIC_NAMES.values())
    assert "| evasion: Digits for letters | 0.800 of the recall kept |" in page(candidate(), platform)


def test_a_card_says_where_the_model_comes_from(platform):
    card = json.loads(registry_card(candidate(), platform))
    details = card["additional_information"]["custom_details"]
    assert details["commit"] == "c0ffee"
    assert details["dataset"] == "s3://moderation-data/prepared/0123456789abcdef/"
    assert details["decision policy"] == "p-0123456789ab"
    assert card["training_details"]["training_job_details"]["training_arn"] == (
        "arn:aws:sagemaker:eu-west-1:123456789012:training-job/moderation-train-abc"
    )


def test_the_page_shows_systems_labels_thresholds_and_every_rule(platform):
    text = page(candidate(), platform)
    assert "| Macro average precision | 0.600 | 0.570 | 0.570 | 0.550 |" in text
    assert "| threat | 40 | 0.600 | 0.550 to 0.650 | 0.400 | 0.600 | 0.500 | 0.800 |" in text
    assert "| behaviour: negation | 16 of 20 cases passed |" in text
    assert "- macro auroc is 0.900: passed." in text
    assert "c0ffee" in text


def test_the_page_of_a_first_run_that_failed_says_so_and_names_what_never_blocks(platform):
    policy = {"id": "p-1", "labels": {label: {"review": 0.4, "block": 1.0} for label in LABELS}}
    whole = evaluation(champion=False)
    whole["behaviour"]["candidate"], whole["evasion"]["candidate"] = {}, {}
    text = page(candidate(decision=FAILED, evaluation=whole, policy=policy), platform)
    assert "**Gate: FAIL.** macro auroc is 0.900: failed." in text
    assert "Live model" not in text
    assert "| never |" in text
    assert "Not measured." in text


@pytest.mark.parametrize("missing", ["macro_auroc", "macro_average_precision"])
def test_a_missing_figure_is_a_dash(platform, missing):
    whole = evaluation()
    whole["candidate"]["metrics"][missing] = None
    assert "| – |" in page(candidate(evaluation=whole), platform)
