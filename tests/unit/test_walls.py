"""The rooms are cut by where the code runs; an import across a wall would fail there, or ship what must not ship."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

from contract.doors import DOORS, PACKED_DOORS

SOURCE = Path(__file__).parents[2] / "src"
ROOMS = ("contract", "moderation", "release", "laptop", "emulator")
FORBIDDEN = {
    "contract": {"boto3", "botocore", "sagemaker", "torch", "moderation", "release", "laptop", "emulator", "moto"},
    "moderation": {"boto3", "botocore", "sagemaker", "release", "laptop", "emulator", "moto"},
    "release": {"torch", "transformers", "datasets", "moderation", "laptop", "emulator", "moto"},
    "laptop": {"torch", "transformers", "datasets", "moderation", "emulator", "moto"},
    "emulator": {"contract", "moderation", "release", "laptop", "torch", "transformers", "sagemaker"},
    "doors": {"boto3", "botocore", "sagemaker", "release", "laptop", "emulator", "moto"},
}
# The folders of each room from the ground up: a folder imports those before it, never one behind it
FLOORS = {
    "contract": ("kinds", "strict", "dataset", "model", "data", "training", "policy", "evaluation", "project", ""),
    "moderation": ("job", "pages", "model", "metrics", "fitting", "rows", "data", "report", "training", "evaluation"),
    "release": ("aws", "toolchain", "decision", "stages", "operate", "commands", ""),
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
# What ships in a model archive runs in whatever image serves it
SERVING_PACKAGES = {"numpy", "safetensors", "torch", "transformers"}


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Dotted names of all that a file imports; `from a import b` gives a.b where that is a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if module_file(inner) else node.module)
    return frozenset(names)


def module_file(name: str) -> Path | None:
    path = SOURCE.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported_packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


def files_of(room: str) -> list[Path]:
    return [SOURCE / door for door in DOORS] if room == "doors" else sorted((SOURCE / room).rglob("*.py"))


def folder_of(file: Path) -> str:
    return file.relative_to(SOURCE).parent.as_posix()


def floor_of(room: str, file: Path) -> str:
    """The folder of a file among the floors of its room; data that lies deeper counts to the folder above it."""
    folder = file.parent.relative_to(SOURCE / room)
    while folder.as_posix() not in FLOORS[room] and folder.parts:
        folder = folder.parent
    return "" if folder == Path() else folder.as_posix()


def closure(door: str) -> set[Path]:
    """Every file of ours that a door needs, itself left out."""
    waiting, found = [SOURCE / door], set()
    while waiting:
        for name in imported_modules(waiting.pop()):
            file = module_file(name)
            if file and file not in found:
                found.add(file)
                waiting.append(file)
    return found


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


@pytest.mark.parametrize("room", FLOORS)
def test_a_folder_imports_only_folders_of_lower_floors(room):
    floors = FLOORS[room]
    assert {floor_of(room, path) for path in files_of(room) if path.stat().st_size} == set(floors)
    upwards = set()
    for path in files_of(room):
        own = floor_of(room, path)
        for name in imported_modules(path):
            file = module_file(name)
            if file and name.split(".")[0] == room and floors.index(floor_of(room, file)) > floors.index(own):
                upwards.add(f"{path.relative_to(SOURCE)} imports {name}")
    assert upwards == set()


@pytest.mark.parametrize("door", DOORS)
def test_a_door_ships_the_folders_that_it_imports_and_no_others(door):
    own_files = {path for path in closure(door) if path.name != "__init__.py" or path.stat().st_size}
    assert sorted({folder_of(path) for path in own_files}) == sorted(DOORS[door])
    assert set(PACKED_DOORS) <= set(DOORS)


def test_serving_needs_nothing_but_its_engine():
    packages = set().union(*(imported_packages(path) for path in closure("inference.py")))
    assert packages - set(sys.stdlib_module_names) - set(ROOMS) <= SERVING_PACKAGES


def test_what_ships_with_a_model_from_the_contract_is_standard_library_only():
    packages = set().union(*(imported_packages(path) for path in (SOURCE / "contract/model").glob("*.py")))
    assert packages - set(sys.stdlib_module_names) <= {"contract"}


def test_rooms_import_only_what_the_requirements_name():
    requirements = "".join(
        p.read_text() for p in (SOURCE / "requirements.txt", *SOURCE.parent.glob("requirements/*.txt"))
    )
    names = {"yaml": "pyyaml", "sklearn": "scikit-learn", "botocore": "boto3"}
    rooms = {*ROOMS, *(door.removesuffix(".py") for door in DOORS)}
    for path in SOURCE.rglob("*.py"):
        for package in imported_packages(path) - set(sys.stdlib_module_names) - rooms:
            if package.startswith("mypy_boto3"):
                continue  # for the type checker alone
            assert names.get(package, package).lower().replace("_", "-") in requirements.lower().replace("_", "-"), (
                f"{path} imports {package}"
            )


def test_no_room_reads_or_writes_pickle():
    for path in SOURCE.rglob("*.py"):
        assert not imported_packages(path) & {"pickle", "joblib", "dill", "cloudpickle", "shelve"}, path


def test_a_packaging_file_in_src_would_change_how_the_training_toolkit_installs_it():
    assert not [name for name in ("setup.py", "pyproject.toml", "setup.cfg") if (SOURCE / name).exists()]
