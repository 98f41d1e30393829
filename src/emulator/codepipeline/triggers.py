"""Which pushes start a pipeline: branch and file path filters of git triggers."""

import functools
import re
from collections.abc import Iterable, Mapping


def push_starts(filters: Iterable[Mapping], branch: str, changed_paths: Iterable[str]) -> bool:
    """Whether a push to `branch` that changed these paths passes one of the filters of a trigger's `push` list."""
    paths = list(changed_paths)
    return any(_passes(one, branch, paths) for one in filters)


def _passes(push_filter: Mapping, branch: str, paths: list[str]) -> bool:
    if "tags" in push_filter:  # a filter for tags has nothing to say about branches
        return False
    if not _selected(push_filter.get("branches", {}), branch):
        return False
    file_paths = push_filter.get("filePaths")
    # One changed file that counts is enough.
    return file_paths is None or any(_selected(file_paths, path) for path in paths)


def _selected(criteria: Mapping, name: str) -> bool:
    included = "includes" not in criteria or any(matches(pattern, name) for pattern in criteria["includes"])
    return included and not any(matches(pattern, name) for pattern in criteria.get("excludes", ()))


def matches(pattern: str, name: str) -> bool:
    """Whether a glob pattern covers a name: `*` within one part of a path, `**` across parts, `?`, `[ab]`, `{a,b}`."""
    return _compiled(pattern).fullmatch(name) is not None


@functools.cache
def _compiled(pattern: str) -> re.Pattern:
    result, position, depth = "", 0, 0
    while position < len(pattern):
        character = pattern[position]
        if pattern.startswith("**/", position):
            result, position = result + "(?:.*/)?", position + 3
            continue
        if pattern.startswith("**", position):
            result, position = result + ".*", position + 2
            continue
        closing = pattern.find("]", position + 1)
        if character == "[" and closing > position:
            content = pattern[position + 1 : closing].replace("\\", "\\\\")
            result += f"[^{content[1:]}]" if content.startswith("!") else f"[{content}]"
            position = closing + 1
            continue
        if character == "{":
            result, depth = result + "(?:", depth + 1
        elif character == "}" and depth:
            result, depth = result + ")", depth - 1
        elif character == "," and depth:
            result += "|"
        else:
            result += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        position += 1
    return re.compile(result, re.DOTALL)
