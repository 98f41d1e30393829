"""The tree of tests mirrors the tree of source: whoever changes a module finds its test by its name."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parents[1] / "src"
# What an emulated instance brings is run there, not imported
RUN_IN_AN_INSTANCE = SOURCE / "emulator/sagemaker/jobs/container"
ROOMS = ("contract", "moderation", "release", "laptop", "emulator")


def modules(room: str) -> list[Path]:
    """Every file of a room that holds code, from src/."""
    paths = [path for path in sorted((SOURCE / room).rglob("*.py")) if path.name != "__init__.py"]
    return [path.relative_to(SOURCE) for path in paths if RUN_IN_AN_INSTANCE not in path.parents]


def imported(test: Path) -> set[str]:
    """Dotted names that a test imports; `from a import b` gives a and a.b."""
    names = set()
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_has_a_test_of_its_name_that_imports_it(room):
    assert modules(room)
    tests = {
        module: TESTS / module.parent / f"test_{module.name.strip('_').replace('__.py', '.py')}"
        for module in modules(room)
    }
    assert [str(module) for module, test in tests.items() if not test.is_file()] == []
    names = {module: ".".join(module.with_suffix("").parts) for module in tests}
    assert [str(module) for module, test in tests.items() if names[module] not in imported(test)] == []
