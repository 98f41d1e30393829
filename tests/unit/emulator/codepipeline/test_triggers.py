"""Which pushes start a pipeline."""

import pytest

from emulator.codepipeline.triggers import matches, push_starts


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("main", "main", True),
        ("main", "maintenance", False),
        ("release/*", "release/1", True),
        ("release/*", "release/1/2", False),
        ("release/**", "release/1/2", True),
        ("**", "any/thing", True),
        ("**/*.md", "README.md", True),
        ("**/*.md", "a/b/c.md", True),
        ("*.md", "a/b.md", False),
        ("docs/**", "docs/a/b", True),
        ("docs/**", "src/docs/a", False),
        ("v?.[0-9]", "v1.2", True),
        ("v?.[!0-9]", "v1.2", False),
        ("src/{a,b}/*.py", "src/b/x.py", True),
        ("src/{a,b}/*.py", "src/c/x.py", False),
        ("a.b", "axb", False),
    ],
)
def test_patterns(pattern, name, expected):
    assert matches(pattern, name) is expected


DOCS = {"branches": {"includes": ["main"]}, "filePaths": {"excludes": ["docs/**", "*.md"]}}


@pytest.mark.parametrize(
    ("filters", "branch", "paths", "expected"),
    [
        ([DOCS], "main", ["src/a.py", "README.md"], True),
        ([DOCS], "main", ["docs/a.md", "README.md"], False),
        ([DOCS], "other", ["src/a.py"], False),
        ([DOCS, {"branches": {"includes": ["other"]}}], "other", ["README.md"], True),
        ([{"filePaths": {"includes": ["src/**"], "excludes": ["src/x"]}}], "any", ["src/x"], False),
        ([{"filePaths": {"includes": ["src/**"], "excludes": ["src/x"]}}], "any", ["src/x", "src/y"], True),
        ([{"branches": {"includes": ["**"], "excludes": ["wip/**"]}}], "wip/a", ["x"], False),
        ([{"tags": {"includes": ["v*"]}}], "main", ["x"], False),
        ([], "main", ["x"], False),
    ],
)
def test_one_filter_must_take_branch_and_paths(filters, branch, paths, expected):
    assert push_starts(filters, branch, paths) is expected
