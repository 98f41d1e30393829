"""The tree of the tests is that of the room."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOM = HERE.parents[2] / "src" / "emulator"
# What an emulated instance brings is run there, not imported: sagemaker/jobs/test_container.py runs it.
DATA = ROOM / "sagemaker" / "jobs" / "container"
MODULES = sorted(path for path in ROOM.rglob("*.py") if path.name != "__init__.py" and DATA not in path.parents)


def imported_by(path: Path) -> set[str]:
    """Modules that a test file imports, and the names that it takes from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_each_module_is_imported_by_a_test_of_its_folder(module):
    place = module.relative_to(ROOM)
    name = ".".join(("emulator", *place.with_suffix("").parts))
    assert [test for test in (HERE / place.parent).glob("test_*.py") if name in imported_by(test)]


def test_each_test_file_is_named_for_a_module_of_its_folder():
    names = {module.relative_to(ROOM).with_name(f"test_{module.name.strip('_')}") for module in MODULES}
    names |= {Path("test_main.py"), Path("test_mirror.py"), Path("sagemaker/jobs/test_container.py")}
    assert {path.relative_to(HERE) for path in HERE.rglob("test_*.py")} - names == set()


def test_no_test_sleeps():
    """What happens elsewhere is waited for with `wait_until`, and has a deadline. Code that a test runs may be slow."""
    sleeping = [
        f"{path.relative_to(HERE)}:{node.lineno}"
        for path in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "sleep"
    ]
    assert sleeping == []
