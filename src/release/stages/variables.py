"""The file that hands a stage's results to CodePipeline: `export NAME='value'` lines, sourced by the buildspec."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Write exports that a POSIX shell reads back exactly; values lose their line breaks (CodePipeline takes none)."""
    lines = []
    for name, value in variables.items():
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name for an exported variable; expected upper-case letters, digits, _")
        lines.append(f"export {name}={_quote(' '.join(value.split()))}\n")
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(lines), encoding="utf-8")
    os.replace(partial, path)


def _quote(value: str) -> str:
    quoted = shlex.quote(value)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
