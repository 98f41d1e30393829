"""Reads a YAML file strictly: what YAML would pass over in silence, or read as something else, is an error here."""

import datetime
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""Where a value stands: keys, and numbers in lists, from the top."""


@dataclass(frozen=True)
class Document:
    """A YAML file."""

    name: str
    """Of the file, for messages."""
    content: dict[str, Any]
    """Top-level keys to what they hold."""
    written: dict[Place, str]
    """Each scalar as it stands in the file: `no` where content has False."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML reads it, and `3e-4` as the number that everybody means."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+\Z"), list("-+.0123456789")
)


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises ValueError, with file, line and key, for a file that is absent, not UTF-8 or not YAML, for a key that stands
    twice or is not text, and for what is neither text, number, truth value, list nor mapping.
    """
    name = path.name
    if not path.is_file():
        raise ValueError(f"{path} does not exist; run this from the root of the repository")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: found the byte 0x{error.object[error.start]:02x}, expected UTF-8") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not valid YAML: {_syntax(error, text)}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(f"{name}: found {_kind(node)}, expected a mapping of sections such as `data:` and `gate:`")
    written = {place: scalar.value for place, scalar in _scalars(node, (), name)}
    try:
        content = _Loader("").construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not valid YAML: {_syntax(error, text)}") from None
    _check_values(content, (), written, name)
    return Document(name, content, written)


def spelt(place: Place) -> str:
    """`data.labels.0` for its place."""
    return ".".join(map(str, place))


def _syntax(error: yaml.YAMLError, text: str) -> str:
    """One line about a syntax error: what, where, and the key of that line or of the nearest one before it."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    if mark is None:
        return problem
    lines = text.splitlines()[: mark.line + 1]
    if lines and "\t" in lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]:
        problem = "found a tab before a key, expected spaces"
    keys = [key for line in lines if (key := re.match(r"[\s\-{,?]*([^\s#:{\[][^:#]*?)\s*:", line))]
    near = f", at or after the key `{keys[-1].group(1)}`" if keys else ""
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}{near}"


def _scalars(node: yaml.Node, place: Place, name: str) -> Iterator[tuple[Place, yaml.ScalarNode]]:
    """Every scalar below a node; raises ValueError at a key that stands twice or is not text."""
    if isinstance(node, yaml.ScalarNode):
        yield place, node
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _scalars(item, (*place, number), name)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[Hashable, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            where = f"{name}, line {line}: {spelt(place) or 'top level'}"
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"{where}: found {_kind(key)} as a key, expected a name")
            if key.tag == "tag:yaml.org,2002:merge" or key.tag.rpartition(":")[2] not in ("str", "int"):
                read_as = key.tag.rpartition(":")[2]
                raise ValueError(
                    f"{where}: found the key `{key.value}`, which YAML reads as {_TAG_WORDS.get(read_as, read_as)}; "
                    f'write "{key.value}" in quotes'
                )
            if key.value in lines:
                raise ValueError(
                    f"{where}: found the key `{key.value}` twice, first in line {lines[key.value]}; keep one of the two"
                )
            lines[key.value] = line
            # numbers are names, too: `classes: {1: hate}`
            key.tag = "tag:yaml.org,2002:str"
            yield from _scalars(value, (*place, key.value), name)


_DECIMAL = re.compile(r"[-+]?(0|[1-9]\d*)\Z")
_TAG_WORDS = {
    "bool": "true or false",
    "null": "nothing",
    "float": "a number",
    "timestamp": "a date",
    "merge": "a merge",
}


def _kind(node: yaml.Node | None) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, yaml.CollectionNode):
        return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
    return f"{node.value!r}"


def _check_values(value: Any, place: Place, written: dict[Place, str], name: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_values(item, (*place, key), written, name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_values(item, (*place, number), written, name)
    elif isinstance(value, datetime.date):
        text = written[place]
        raise ValueError(f'{name}: {spelt(place)}: found {text}, which YAML reads as a date; write "{text}" in quotes')
    elif isinstance(value, int) and not isinstance(value, bool) and not _DECIMAL.match(written[place]):
        raise ValueError(
            f"{name}: {spelt(place)}: found {written[place]}, which YAML reads as the number {value}; write "
            f'{value}, or "{written[place]}" in quotes'
        )
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(
            f"{name}: {spelt(place)}: found a value of type {type(value).__name__}, expected text, a number, true or "
            "false, a list or a mapping"
        )
