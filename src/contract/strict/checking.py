"""Checks a section of a YAML file against the class that describes it, and says in words what is wrong."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from contract.strict.document import Document, Place, spelt

SHOWN_CHARACTERS = 60
EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is neither nan nor infinite",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
    "dataclass_type": "a mapping of names to values",
}
Section = TypeVar("Section")


def checked_section(kind: type[Section], document: Document, *place: str) -> Section:
    """The section at a place of a document as its class; one that is not written has the class's defaults.

    Raises ValueError with one line for each thing that is wrong: file, key, what was found and what was expected.
    """
    value: Any = document.content
    for key in place:
        value = value[key] if isinstance(value, dict) and key in value else {}
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        lines = [_sentence(problem, kind, document, place) for problem in error.errors(include_url=False)]
        raise ValueError("\n".join(dict.fromkeys(lines))) from None


def nearest(name: str, names: Iterable[str]) -> str:
    """`, did you mean x?` for the name that is nearly this one, or the names that there are."""
    known = list(names)
    alike = {other.lower().replace("-", "_"): other for other in known}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), alike, n=1)
    return f"did you mean {alike[close[0]]}?" if close else f"expected one of {', '.join(known)}"


def described(value: Any, written: str | None = None) -> str:
    """What was found, short; `written`: as it stands in the file, where YAML reads it as something else."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return (
            f"a mapping with the keys {', '.join(map(str, value))}"[:SHOWN_CHARACTERS] if value else "an empty mapping"
        )
    if isinstance(value, list):
        return f"a list of {len(value)}"
    shown = json.dumps(value, ensure_ascii=True)
    shown = shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}..."
    if isinstance(value, str) or written is None or written == shown:
        return shown
    if isinstance(value, bool):
        return f'{shown}, as YAML reads {written}: write "{written}" in quotes if it is a name'
    return written


def _sentence(problem: ErrorDetails, kind: Any, document: Document, section: Place) -> str:
    place = (*section, *problem["loc"])
    where, value = f"{document.name}: {spelt(place)}", problem["input"]
    what = problem["type"]
    if what in ("unexpected_keyword_argument", "extra_forbidden"):
        name, parent = str(place[-1]), problem["loc"][:-1]
        above = spelt(place[:-1]) or "top level"
        return f"{document.name}: {above}: found the unknown key `{name}`, {nearest(name, _names(kind, parent))}"
    if what == "missing":
        return f"{where}: found nothing, this key must be there"
    if what in ("value_error", "assertion_error"):
        # our own checks name keys themselves where they concern more than one
        return f"{where}: {problem['ctx']['error']}" if place else f"{document.name}: {problem['ctx']['error']}"
    found = described(value, document.written.get(place))
    if what == "literal_error":
        names = [name.strip("'") for name in problem["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        if problem["loc"][-1:] == ("[key]",):
            above = spelt(place[:-2])
            return f"{document.name}: {above}: found the unknown key `{place[-2]}`, {nearest(str(place[-2]), names)}"
        close = nearest(value, names) if isinstance(value, str) else f"expected one of {', '.join(names)}"
        return f"{where}: found {found}, {close}"
    if what in _BOUNDS:
        words, key = _BOUNDS[what]
        return f"{where}: found {found}, expected {words} {problem['ctx'][key]:g}"
    return f"{where}: found {found}, expected {EXPECTED.get(what) or problem['msg']}"


_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _names(kind: Any, place: Place) -> list[str]:
    """The keys that the class at a place below `kind` knows."""
    for key in place:
        kind = _dataclass_in(next((field.type for field in fields(kind) if field.name == key), None)) or kind
    return [field.name for field in fields(kind)]


def _dataclass_in(annotation: Any) -> Any:
    """The dataclass that an annotation names, alone, optional or as the values of a mapping."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next((found for part in get_args(annotation) if (found := _dataclass_in(part))), None)
