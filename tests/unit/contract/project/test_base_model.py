import json

import pytest
from pydantic import TypeAdapter, ValidationError

from contract.project.base_model import BaseModel

DIGEST = "ab" * 32


def made(source, sha256=DIGEST):
    return TypeAdapter(BaseModel).validate_json(json.dumps({"source": source, "sha256": sha256}))


@pytest.mark.parametrize("source", ["pypi:a-model==1.0", "hub:team/model@abc", "s3://bucket/prefix/", "models/mine"])
def test_every_kind_of_source_is_taken(source):
    assert made(source).source == source


@pytest.mark.parametrize("source", ["pypi:a-model", "hub:team/model", "s3://", " "])
def test_a_source_that_is_not_pinned_is_refused(source):
    with pytest.raises(ValidationError, match="expected pypi:<package>==<version>"):
        made(source)


def test_a_digest_has_64_digits():
    with pytest.raises(ValidationError, match="expected the 64 lower-case hex digits"):
        made("models/mine", DIGEST.upper())
