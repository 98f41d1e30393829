"""moderation.yaml as a whole: what a data scientist edits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.data.section import DataConfig, data_section
from contract.evaluation.section import EvaluationConfig, evaluation_section, policy_section
from contract.policy.targets import Targets
from contract.project.base_model import BaseModel
from contract.project.gate import GateRules
from contract.strict.checking import checked_section, described, nearest
from contract.strict.document import Document, read_document
from contract.training.hyperparameters import command_line, names

PROJECT_FILE = Path("moderation.yaml")
MAXIMUM_CHARACTERS = 2500  # of a hyperparameter's value, in SageMaker


@dataclass(frozen=True)
class Project:
    """moderation.yaml."""

    data: DataConfig
    base_model: BaseModel
    hyperparameters: Mapping[str, str]
    """Command-line arguments of train.py, as SageMaker sends them: strings."""
    policy: Targets
    gate: GateRules
    evaluation: EvaluationConfig


def read_project(path: Path = PROJECT_FILE) -> Project:
    """Read and check moderation.yaml.

    Raises ValueError that names, for everything that is wrong in it, file, key, what was found and what was expected.
    """
    document = read_document(path)
    sections: dict[str, Callable[[], Any]] = {
        "data": lambda: data_section(document),
        "base_model": lambda: checked_section(BaseModel, document, "base_model"),
        "hyperparameters": lambda: _hyperparameters(document),
        "policy": lambda: policy_section(document),
        "gate": lambda: checked_section(GateRules, document, "gate"),
        "evaluation": lambda: evaluation_section(document, path.parent),
    }
    problems = [
        f"{document.name}: found the unknown section `{name}`, {nearest(name, sections)}"
        for name in document.content
        if name not in sections
    ]
    checked = {}
    for name, read in sections.items():
        try:
            checked[name] = read()
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("\n".join(problems))
    return Project(**checked)


def _hyperparameters(document: Document) -> dict[str, str]:
    section = document.content.get("hyperparameters", {})
    where = f"{document.name}: hyperparameters"
    if not isinstance(section, dict):
        raise ValueError(f"{where}: found {described(section)}, expected a mapping of names to values")
    problems: list[str] = []
    result: dict[str, str] = {}
    for name, value in section.items():
        if name not in names():
            problems.append(f"{where}: {name}: found an unknown name, {nearest(name, names())}")
            continue
        try:
            result |= command_line({name: value})
        except ValueError as error:
            problems.append(f"{where}.{error}")
    problems += [
        f"{where}.{name}: found {len(value)} characters, expected at most {MAXIMUM_CHARACTERS}: SageMaker takes no more"
        for name, value in result.items()
        if len(value) > MAXIMUM_CHARACTERS
    ]
    if problems:
        raise ValueError("\n".join(problems))
    return result
