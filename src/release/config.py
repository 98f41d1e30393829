"""What the builds are told: the platform by Terraform's environment variables, the project by moderation.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

PROJECT_FILE = Path("moderation.yaml")
METRICS = (
    "macro_average_precision",
    "macro_auroc",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "micro_average_precision",
    "micro_f1",
)


@dataclass(frozen=True)
class Platform:
    """What Terraform built; each field is the environment variable of the same name in upper case."""

    project_name: str
    """Prefix of every name, for example `moderation`."""
    data_bucket: str
    models_bucket: str
    state_bucket: str
    kms_key_arn: str
    """Key of the buckets, the volumes and the outputs."""
    training_role_arn: str
    processing_role_arn: str
    training_image_uri: str
    processing_image_uri: str
    inference_image_uri: str
    training_instance_type: str
    training_instance_count: int
    training_volume_gb: int
    max_training_seconds: int
    training_use_spot: bool
    processing_instance_type: str
    processing_volume_gb: int
    max_processing_seconds: int
    model_package_group_name: str
    staging_endpoint_name: str
    prod_endpoint_name: str

    def endpoint_name(self, environment: str) -> str:
        """The endpoint of `staging` or `prod`."""
        return {"staging": self.staging_endpoint_name, "prod": self.prod_endpoint_name}[environment]


def read_platform(environ: Mapping[str, str] = os.environ) -> Platform:
    """Build a Platform from environment variables; ValueError names every one that is missing or malformed."""
    missing = [field.name.upper() for field in fields(Platform) if not environ.get(field.name.upper())]
    if missing:
        raise ValueError(
            f"missing environment variables: {', '.join(missing)}; Terraform sets them on the CodeBuild projects "
            "(terraform/modules/pipeline), and outside of a build you export them yourself"
        )
    return Platform(
        **{
            field.name: _parse(field.name.upper(), environ[field.name.upper()], field.type)
            for field in fields(Platform)
        }
    )


def _parse(name: str, text: str, kind: str) -> str | int | bool:
    if kind == "int":
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"environment variable {name} is {text!r}; expected a whole number of at least 1")
        return int(text)
    if kind == "bool":
        if text not in ("true", "false"):
            raise ValueError(f"environment variable {name} is {text!r}; expected true or false")
        return text == "true"
    return text


@dataclass(frozen=True)
class BaseModel:
    """Where the pretrained encoder comes from."""

    source: str
    """`pypi:<package>==<version>`, `hub:<id>@<revision>`, `s3://<bucket>/<prefix>` or a directory."""
    sha256: str
    """Of model.safetensors: what is staged is what was reviewed."""


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must meet to reach staging."""

    minimum: Mapping[str, float]
    """Metric name to its floor on the test split."""
    baseline_margin: float | None
    """Macro average precision, candidate minus baseline, must be at least this; None: no such rule."""
    champion_margin: float | None
    """The same against the model live in prod, unless the difference is noise; None: no such rule."""


@dataclass(frozen=True)
class Project:
    """moderation.yaml, as far as the release side reads it."""

    data: Mapping[str, Any]
    """The data section as written: prepare.py checks it, here it is part of the fingerprint."""
    base_model: BaseModel
    hyperparameters: Mapping[str, str]
    """Command-line arguments of train.py, as SageMaker sends them: strings."""
    gate: GatePolicy
    sections: Mapping[str, Any]
    """The whole file as written."""


def read_project(path: Path = PROJECT_FILE) -> Project:
    """Read moderation.yaml; ValueError says what was found, what was expected and where."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist; run this from the root of the repository")
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    sections = _section(sections, str(path), {"data", "base_model", "hyperparameters", "policy", "gate"})
    base_model = _section(sections.get("base_model"), f"{path}: base_model", {"source", "sha256"})
    gate = _section(sections.get("gate"), f"{path}: gate", {"minimum", "baseline_margin", "champion_margin"})
    return Project(
        data=_mapping(sections.get("data"), f"{path}: data"),
        base_model=BaseModel(
            source=_required_text(base_model, "source", f"{path}: base_model"),
            sha256=_sha256(_required_text(base_model, "sha256", f"{path}: base_model"), f"{path}: base_model.sha256"),
        ),
        hyperparameters=_hyperparameters(_mapping(sections.get("hyperparameters"), f"{path}: hyperparameters"), path),
        gate=GatePolicy(
            minimum=_minimum(_mapping(gate.get("minimum", {}), f"{path}: gate.minimum"), f"{path}: gate.minimum"),
            baseline_margin=_margin(gate.get("baseline_margin"), f"{path}: gate.baseline_margin"),
            champion_margin=_margin(gate.get("champion_margin"), f"{path}: gate.champion_margin"),
        ),
        sections=sections,
    )


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: found {value!r}; expected a mapping of names to values")
    return value


def _section(value: Any, where: str, known: set[str]) -> dict[str, Any]:
    section = _mapping(value, where)
    unknown = sorted(str(key) for key in section if key not in known)
    if unknown:
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}; expected {', '.join(sorted(known))}")
    return section


def _required_text(section: dict[str, Any], key: str, where: str) -> str:
    value = section.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}.{key}: found {value!r}; expected text")
    return value


def _sha256(text: str, where: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(
            f"{where}: found {text!r}; expected the 64 lower-case hex digits of `sha256sum model.safetensors`"
        )
    return text


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}: found {value!r}; expected a number")
    return float(value)


def _minimum(section: dict[str, Any], where: str) -> dict[str, float]:
    for name in section:
        if name not in METRICS:
            raise ValueError(f"{where}: unknown metric {name!r}; expected one of {', '.join(METRICS)}")
    floors = {name: _number(value, f"{where}.{name}") for name, value in section.items()}
    for name, floor in floors.items():
        if not 0 <= floor <= 1:
            raise ValueError(f"{where}.{name}: found {floor}; expected a number from 0 to 1")
    return floors


def _margin(value: Any, where: str) -> float | None:
    if value is None:
        return None
    margin = _number(value, where)
    if not -1 <= margin <= 1:
        raise ValueError(f"{where}: found {margin}; expected a number from -1 to 1")
    return margin


def _hyperparameters(section: dict[str, Any], path: Path) -> dict[str, str]:
    # SageMaker takes at most 100, values of at most 2,500 characters, all of them text
    if len(section) > 90:
        raise ValueError(f"{path}: hyperparameters: found {len(section)}; SageMaker takes at most 100, some its own")
    result = {}
    for name, value in section.items():
        if isinstance(value, bool):
            result[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            result[name] = str(value)
        else:
            raise ValueError(
                f"{path}: hyperparameters.{name}: found {value!r}; expected one number, text or true/false"
            )
        if len(result[name]) > 2500:
            raise ValueError(f"{path}: hyperparameters.{name}: {len(result[name])} characters; SageMaker takes 2,500")
    return result
