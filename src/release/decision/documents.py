"""Reads what jobs leave: evaluation.json, policy.json and manifest.json, checked once by the contract's types."""

import json
import re
from collections.abc import Mapping
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from contract.dataset.manifest import SPLITS, Manifest
from contract.evaluation.document import SCHEMA_VERSION, Evaluation
from contract.model.policy import PolicyDocument
from contract.strict.checking import EXPECTED, described

Content = TypeVar("Content")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


def read_evaluation(content: bytes, name: str) -> Evaluation:
    """evaluation.json. Raises ValueError, with its name, for another schema and for the keys that are wrong."""
    document = _parsed(content, name)
    if document.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{name}: found schema_version {document.get('schema_version')!r}, expected {SCHEMA_VERSION}: release and "
            "moderation must come from the same commit"
        )
    return _checked(Evaluation, content, name)


def read_policy(content: bytes, name: str) -> PolicyDocument:
    """policy.json. Raises ValueError, with its name, for the keys that are wrong."""
    return _checked(PolicyDocument, content, name)


def read_manifest(content: bytes, name: str) -> Manifest:
    """manifest.json. Raises ValueError, with its name, for the keys that are wrong and for values that can't be."""
    manifest = _checked(Manifest, content, name)
    version, rows, files = manifest["dataset_version"], manifest["rows"], manifest["files"]
    if not _VERSION.match(version):
        raise ValueError(f"{name}: dataset_version: found {version!r}, expected letters, digits, '.', '_' and '-'")
    if set(rows) != set(SPLITS):
        raise ValueError(f"{name}: rows: found {rows!r}, expected a count for each of {', '.join(SPLITS)}")
    if not files:
        raise ValueError(f"{name}: files: found none, expected each file's path and sha256")
    return manifest


def evaluation_schema() -> str:
    """The JSON schema of evaluation.json, as docs/evaluation.schema.json holds it."""
    return json.dumps(TypeAdapter(Evaluation).json_schema(), indent=2, sort_keys=True) + "\n"


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise ValueError(f"{name}: found {described(document)}, expected an object")
    return dict(document)


def _checked(kind: type[Content], content: bytes, name: str) -> Content:
    _parsed(content, name)
    try:
        return TypeAdapter(_known_to_pydantic(kind)).validate_json(content, strict=True, extra="forbid")
    except ValidationError as error:
        sentences = [_sentence(problem) for problem in error.errors(include_url=False)]
        raise ValueError("\n".join(f"{name}: {sentence}" for sentence in sentences)) from None


def _known_to_pydantic(kind: Any) -> Any:
    """A type whose TypedDicts pydantic takes: what lies in a model archive has those of the standard library.

    Pydantic takes them from Python 3.12 on, builds run 3.11.
    """
    if is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        fields = {key: _known_to_pydantic(hint) for key, hint in hints.items()}
        return TypedDict(kind.__name__, fields)  # type: ignore[operator]  # a type that is made at run time
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return GenericAlias(dict, (key, _known_to_pydantic(value)))
    return kind


def _sentence(problem: ErrorDetails) -> str:
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return f"{place}: found nothing, this key must be there"
    if problem["type"] == "extra_forbidden":
        return f"{place}: found a key that this commit does not know"
    expected = EXPECTED.get(problem["type"]) or problem["msg"]
    return f"{place}: found {described(problem['input'])}, expected {expected}"
