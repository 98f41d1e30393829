"""Variables of pipelines: `#{namespace.key}` in the configuration of actions and rules."""

import json
import re
from collections.abc import Iterator, Mapping

REFERENCE = re.compile(r"#\{([^{}]*)\}")
NAME = re.compile(r"([A-Za-z0-9@_-]+)\.([A-Za-z0-9@_-]+)")
JSON_MEMBER = "EnvironmentVariables"  # the one configuration value that is JSON itself

Namespaces = Mapping[str, Mapping[str, str]]


def references(value: str) -> Iterator[tuple[str, str]]:
    """(namespace, key) of each reference in `value`. Raises ValueError for one that is not `#{namespace.key}`."""
    for found in REFERENCE.findall(value):
        match = NAME.fullmatch(found)
        if match is None:
            raise ValueError(f"found the variable reference #{{{found}}}; expected #{{namespace.key}}")
        yield match[1], match[2]


def resolve(value: str, namespaces: Namespaces) -> str:
    """`value` with each reference replaced. Raises ValueError for a variable that has no value."""

    def replaced(match: re.Match) -> str:
        name = NAME.fullmatch(match[1])
        if name is None:
            raise ValueError(f"found the variable reference {match[0]}; expected #{{namespace.key}}")
        namespace, key = name.groups()
        if key not in namespaces.get(namespace, {}):
            known = ", ".join(sorted(namespaces.get(namespace, {}))) or "none"
            raise ValueError(f"variable {match[0]} has no value; variables of {namespace} with a value: {known}")
        return namespaces[namespace][key]

    return REFERENCE.sub(replaced, value)


def resolve_configuration(configuration: Mapping[str, str], namespaces: Namespaces) -> dict[str, str]:
    """A configuration with all references replaced; within JSON a value with quotes stays a value."""
    resolved = {}
    for member, value in configuration.items():
        if member == JSON_MEMBER:
            variables = [
                {name: resolve(str(text), namespaces) for name, text in entry.items()} for entry in json.loads(value)
            ]
            resolved[member] = json.dumps(variables)
        else:
            resolved[member] = resolve(value, namespaces)
    return resolved
