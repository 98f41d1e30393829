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

# The folders of each room, lowest first: a folder imports itself and lower ones. "" is the room's own top.
FLOORS = {
    "emulator": (
        "core",
        "iam",
        "git",
        "moto_overlays",
        "codebuild",
        "codepipeline",
        "sagemaker/jobs",
        "sagemaker/registry",
        "sagemaker/hosting",
        "sagemaker",
        "",
    ),
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


def folder_of(room: str, path: Path) -> str:
    """The folder of a file among the floors of its room; what lies deeper (data beside the code) counts to it."""
    folder = path.parent.relative_to(SOURCE / room)
    while folder.as_posix() not in FLOORS[room] and folder.parts:
        folder = folder.parent
    return "" if folder == Path() else folder.as_posix()


def imported_folders(room: str, path: Path) -> set[str]:
    """Folders of the room that a file imports from, also where it does so for the type checker only."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it from the room on"
            # of `from room.folder import module` it is the module that counts, where it is one
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    targets = [SOURCE.joinpath(*module.split(".")) for module in modules if module.split(".")[0] == room]
    return {folder_of(room, target / "x" if target.is_dir() else target) for target in map(_existing, targets)}


def _existing(target: Path) -> Path:
    """The module or folder of an import: of `a.b.name` that is `a.b` where `name` is no module."""
    return target if target.is_dir() or target.with_suffix(".py").exists() else target.parent


@pytest.mark.parametrize("room", FLOORS)
def test_a_folder_imports_only_itself_and_lower_ones(room):
    floors = FLOORS[room]
    files = files_of(room)
    assert {folder_of(room, path) for path in files} == set(floors)
    upward = {
        str(path.relative_to(SOURCE)): sorted(higher)
        for path in files
        if (
            higher := {
                folder
                for folder in imported_folders(room, path)
                if floors.index(folder) > floors.index(folder_of(room, path))
            }
        )
    }
    assert upward == {}


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
