"""What an evaluation reads of moderation.yaml: the sections `evaluation` and `policy`."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from contract.kinds.kinds import SETTINGS
from contract.policy.targets import Targets
from contract.strict.checking import checked_section
from contract.strict.document import Document, read_document


def _suite(value: Any) -> Any:
    if value is None:
        return None
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath()
    if path.suffix != ".csv" or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"found {value!r}, expected the path of a .csv file in this repository, from its root")
    return path.as_posix()


@dataclass(frozen=True, config=SETTINGS)
class EvaluationConfig:
    """What an evaluation does besides."""

    show_texts: bool = False
    """Whether report.html shows the texts of the worst mistakes."""
    behaviour: Annotated[str | None, BeforeValidator(_suite)] = None
    """Path of a CSV file with further behaviour cases, from where moderation.yaml lies; None: our own suite alone."""


def evaluation_section(document: Document, directory: Path) -> EvaluationConfig:
    """The `evaluation` section of a moderation.yaml that lies in a directory.

    Raises ValueError for a mistake in it and for a suite that is not there.
    """
    config = checked_section(EvaluationConfig, document, "evaluation")
    if config.behaviour and not (directory / config.behaviour).is_file():
        raise ValueError(
            f"{document.name}: evaluation.behaviour: found {config.behaviour!r}, but there is no such file; expected "
            "the path of a .csv file in this repository, from its root: commit it, or correct the path"
        )
    return config


def policy_section(document: Document) -> Targets:
    """The `policy` section of a moderation.yaml; without one, the defaults. Raises ValueError for a mistake in it."""
    return checked_section(Targets, document, "policy")


def read_evaluation_config(path: Path) -> EvaluationConfig:
    """The `evaluation` section of a moderation.yaml file."""
    return evaluation_section(read_document(path), path.parent)


def read_targets(path: Path) -> Targets:
    """The `policy` section of a moderation.yaml file."""
    return policy_section(read_document(path))
