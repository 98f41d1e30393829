"""What a model package may hold: the limits of customer metadata, and the schema of the model card."""

from __future__ import annotations

import json
import unicodedata

from emulator.core.errors import AwsError

MAX_METADATA_PROPERTIES = 50
MAX_METADATA_KEY_LENGTH = 128
MAX_METADATA_VALUE_LENGTH = 256
# The model package model card's schema, as far as it is checked: its sections, and what a section of fixed keys holds.
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
CARD_SECTIONS: dict[str, set[str]] = {
    "model_overview": {"model_creator", "model_artifact"},
    "intended_uses": {
        "purpose_of_model",
        "intended_uses",
        "factors_affecting_model_efficiency",
        "risk_rating",
        "explanations_for_risk_rating",
    },
    "business_details": {"business_problem", "business_stakeholders", "line_of_business"},
    "training_details": {"objective_function", "training_observations", "training_job_details"},
    "evaluation_details": {
        "name",
        "evaluation_observation",
        "evaluation_job_arn",
        "datasets",
        "metadata",
        "metric_groups",
    },
    "additional_information": {"ethical_considerations", "caveats_and_recommendations", "custom_details"},
}


def check_metadata(properties: dict[str, str]) -> None:
    """Raises ValidationException where CustomerMetadataProperties pass a limit of the registry."""
    if len(properties) > MAX_METADATA_PROPERTIES:
        raise AwsError(
            "ValidationException",
            f"CustomerMetadataProperties has {len(properties)} entries; at most {MAX_METADATA_PROPERTIES} are allowed",
        )
    for key, value in properties.items():
        for what, text, longest in (("key", key, MAX_METADATA_KEY_LENGTH), ("value", value, MAX_METADATA_VALUE_LENGTH)):
            if not 1 <= len(text) <= longest:
                raise AwsError(
                    "ValidationException",
                    f"CustomerMetadataProperties: the {what} of {key[:40]!r} has {len(text)} characters; expected 1 to "
                    f"{longest}",
                )
            if wrong := sorted({character for character in text if not _allowed(character)}):
                raise AwsError(
                    "ValidationException",
                    f"CustomerMetadataProperties: the {what} of {key[:40]!r} holds {''.join(wrong)!r}; allowed are "
                    "letters, digits, spaces and _ . : / = + - @",
                )


def check_model_card(card: dict | None) -> None:
    """Raises ValidationException where the content of a package's model card does not follow its schema."""
    if card is None or "ModelCardContent" not in card:
        return
    try:
        content = json.loads(card["ModelCardContent"])
    except json.JSONDecodeError as error:
        raise AwsError("ValidationException", f"ModelCardContent is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise AwsError("ValidationException", f"ModelCardContent is {type(content).__name__}; expected an object")

    _check_keys("ModelCardContent", content, set(CARD_SECTIONS))
    for section, known in CARD_SECTIONS.items():
        found = content.get(section, {})
        for part in found if isinstance(found, list) else [found]:
            if not isinstance(part, dict):
                raise AwsError("ValidationException", f"ModelCardContent: {section} is no object")
            _check_keys(f"ModelCardContent: {section}", part, known)
    rating = content.get("intended_uses", {}).get("risk_rating", "Unknown")
    if rating not in ("High", "Medium", "Low", "Unknown"):
        raise AwsError("ValidationException", f"ModelCardContent: risk_rating is {rating!r}")


def _check_keys(where: str, found: dict, known: set[str]) -> None:
    if unknown := sorted(set(found) - known):
        raise AwsError(
            "ValidationException",
            f"{where} holds {', '.join(unknown)}; a package's card may hold {', '.join(sorted(known))}",
        )


def _allowed(character: str) -> bool:
    """The registry's pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]."""
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN"
