"""The rooms are cut by where the code runs; an import across a wall would fail there, or ship what must not ship."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
DOORS = ("prepare.py", "shard.py", "train.py", "evaluate.py", "inference.py")
FORBIDDEN = {
    "moderation": {"boto3", "botocore", "sagemaker", "release", "emulator", "moto"},
    "release": {"torch", "transformers", "datasets", "moderation", "emulator", "moto"},
    "emulator": {"moderation", "release", "torch", "transformers", "sagemaker"},
    "doors": {"boto3", "botocore", "sagemaker", "release", "emulator", "moto"},
}


@cache
def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def files_of(room: str) -> list[Path]:
    return [SOURCE / door for door in DOORS] if room == "doors" else sorted((SOURCE / room).rglob("*.py"))


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_nothing_from_behind_its_wall(room):
    files = files_of(room)
    assert files
    crossings = {
        str(path.relative_to(SOURCE)): sorted(crossing)
        for path in files
        if (crossing := imported_packages(path) & FORBIDDEN[room])
    }
    assert crossings == {}


def test_rooms_import_only_what_the_requirements_name():
    requirements = "".join(
        p.read_text() for p in (SOURCE / "requirements.txt", *SOURCE.parent.glob("requirements/*.txt"))
    )
    names = {"yaml": "pyyaml", "sklearn": "scikit-learn", "botocore": "boto3"}
    rooms = {"moderation", "release", "emulator", *(door.removesuffix(".py") for door in DOORS)}
    for path in SOURCE.rglob("*.py"):
        for package in imported_packages(path) - set(sys.stdlib_module_names) - rooms:
            assert names.get(package, package).lower() in requirements.lower(), f"{path} imports {package}"


def test_no_room_reads_or_writes_pickle():
    for path in SOURCE.rglob("*.py"):
        assert not imported_packages(path) & {"pickle", "joblib", "dill", "cloudpickle", "shelve"}, path


def test_a_packaging_file_in_src_would_change_how_the_training_toolkit_installs_it():
    assert not [name for name in ("setup.py", "pyproject.toml", "setup.cfg") if (SOURCE / name).exists()]
