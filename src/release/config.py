"""What the builds are told: the platform by Terraform's environment variables, the project by moderation.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
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
COSTS = ("false_positives_per_1000_clean", "expected_calibration_error")
SLICE_KINDS = ("identity", "language", "length")
SLICE_METRICS = ("macro_average_precision", "macro_f1", "subgroup_auc", "bpsn_auc", "bnsp_auc")
MODES = ("enforce", "report")


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
    processing_instance_count: int
    """Instances that read raw files."""
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
class ChampionRules:
    """What a candidate must meet against the model that is live in prod, on the same test rows."""

    no_label_worse: bool = False
    """Neither a label nor the mean over the labels may be worse in average precision beyond noise."""
    maximum_flip_share: float | None = None
    """Greatest share of the test rows whose flag may change, label by label; None: no such rule."""
    no_behaviour_worse: bool = False
    """No group of the behaviour suite may lose."""
    behaviour_tolerance: float = 0.0
    """Share of its cases that a group may lose all the same."""


@dataclass(frozen=True)
class GateRules:
    """What a candidate must meet to reach staging; a rule that is empty or None is not applied."""

    mode: str = "enforce"
    """`enforce`, or `report`: say what would have been stopped, and stop nothing."""
    minimum: tuple[tuple[str, float], ...] = ()
    """Metric name and its floor on the test split."""
    maximum: tuple[tuple[str, float], ...] = ()
    """Metric name and its ceiling on the test split."""
    baseline_margin: float | None = None
    """Macro average precision, candidate minus baseline, must be at least this."""
    champion: ChampionRules = ChampionRules()
    behaviour_minimum: float | Mapping[str, float] | None = None
    """Least share of cases passed, in every group of the behaviour suite or in those that are named."""
    evasion_minimum: float | Mapping[str, float] | None = None
    """Least share of the recall that evasion may leave, for every kind or for those that are named."""
    slice_minimum: tuple[tuple[str, Mapping[str, float]], ...] = ()
    """Kind of slice and, for its metrics, the floor in every slice."""
    maximum_p95_milliseconds: float | None = None
    """95 % of single texts must be answered within this, on the evaluation's machine."""


@dataclass(frozen=True)
class EvaluationSettings:
    """What the Evaluate job does besides: evaluate.py reads the same section."""

    show_texts: bool = False
    """Whether report.html shows the texts of the worst mistakes."""
    behaviour: str | None = None
    """Path below the repository's root of a CSV file with further functional cases; None: our own suite alone."""


@dataclass(frozen=True)
class Project:
    """moderation.yaml, as far as the release side reads it."""

    data: Mapping[str, Any]
    """The data section as written: prepare.py checks it, here it is part of the fingerprint."""
    base_model: BaseModel
    hyperparameters: Mapping[str, str]
    """Command-line arguments of train.py, as SageMaker sends them: strings."""
    policy: Mapping[str, Any]
    """The policy section as written: evaluate.py applies it."""
    gate: GateRules
    sections: Mapping[str, Any]
    """The whole file as written."""
    evaluation: EvaluationSettings = EvaluationSettings()


def read_project(path: Path = PROJECT_FILE) -> Project:
    """Read moderation.yaml; ValueError says what was found, what was expected and where."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist; run this from the root of the repository")
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    sections = _section(sections, str(path), {"data", "base_model", "hyperparameters", "policy", "gate", "evaluation"})
    base_model = _section(sections.get("base_model"), f"{path}: base_model", {"source", "sha256"})
    return Project(
        data=_mapping(sections.get("data"), f"{path}: data"),
        base_model=BaseModel(
            source=_required_text(base_model, "source", f"{path}: base_model"),
            sha256=_sha256(_required_text(base_model, "sha256", f"{path}: base_model"), f"{path}: base_model.sha256"),
        ),
        hyperparameters=_hyperparameters(_mapping(sections.get("hyperparameters"), f"{path}: hyperparameters"), path),
        policy=_mapping(sections.get("policy", {}), f"{path}: policy"),
        gate=_gate(sections.get("gate"), f"{path}: gate"),
        sections=sections,
        evaluation=_evaluation(sections.get("evaluation", {}), f"{path}: evaluation", path.parent),
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


def _gate(value: Any, where: str) -> GateRules:
    gate = _section(value, where, {field.name for field in fields(GateRules)})
    mode = gate.get("mode", "enforce")
    if mode not in MODES:
        raise ValueError(f"{where}.mode: found {mode!r}; expected {' or '.join(MODES)}")
    slices = _section(gate.get("slice_minimum", {}), f"{where}.slice_minimum", set(SLICE_KINDS))
    return GateRules(
        mode=mode,
        minimum=_bounds(gate.get("minimum", {}), f"{where}.minimum", METRICS, highest=1.0),
        maximum=_bounds(gate.get("maximum", {}), f"{where}.maximum", COSTS, highest=1000.0),
        baseline_margin=_margin(gate.get("baseline_margin"), f"{where}.baseline_margin"),
        champion=_champion_rules(gate.get("champion", {}), f"{where}.champion"),
        behaviour_minimum=_floor_or_floors(gate.get("behaviour_minimum"), f"{where}.behaviour_minimum"),
        evasion_minimum=_floor_or_floors(gate.get("evasion_minimum"), f"{where}.evasion_minimum"),
        slice_minimum=tuple(
            (kind, dict(_bounds(floors, f"{where}.slice_minimum.{kind}", SLICE_METRICS, highest=1.0)))
            for kind, floors in sorted(slices.items())
        ),
        maximum_p95_milliseconds=_optional(
            gate.get("maximum_p95_milliseconds"), f"{where}.maximum_p95_milliseconds", highest=3_600_000.0
        ),
    )


def _evaluation(value: Any, where: str, root: Path) -> EvaluationSettings:
    section = _section(value, where, {field.name for field in fields(EvaluationSettings)})
    return EvaluationSettings(
        show_texts=_flag(section.get("show_texts", False), f"{where}.show_texts"),
        behaviour=_suite(section.get("behaviour"), f"{where}.behaviour", root),
    )


def _suite(value: Any, where: str, root: Path) -> str | None:
    if value is None:
        return None
    expected = "expected the path of a .csv file in this repository, from its root"
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath()
    if path.suffix != ".csv" or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{where}: found {value!r}; {expected}")
    if not (root / path).is_file():
        raise ValueError(
            f"{where}: found {value!r}, but there is no such file; {expected}: commit it, or mend the path"
        )
    return path.as_posix()


def _champion_rules(value: Any, where: str) -> ChampionRules:
    section = _section(value, where, {field.name for field in fields(ChampionRules)})
    return ChampionRules(
        no_label_worse=_flag(section.get("no_label_worse", False), f"{where}.no_label_worse"),
        maximum_flip_share=_optional(section.get("maximum_flip_share"), f"{where}.maximum_flip_share"),
        no_behaviour_worse=_flag(section.get("no_behaviour_worse", False), f"{where}.no_behaviour_worse"),
        behaviour_tolerance=_within(section.get("behaviour_tolerance", 0.0), f"{where}.behaviour_tolerance"),
    )


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where}: found {value!r}; expected true or false")
    return value


def _within(value: Any, where: str, highest: float = 1.0) -> float:
    number = _number(value, where)
    if not 0 <= number <= highest:
        raise ValueError(f"{where}: found {number:g}; expected a number from 0 to {highest:g}")
    return number


def _optional(value: Any, where: str, highest: float = 1.0) -> float | None:
    return None if value is None else _within(value, where, highest)


def _floor_or_floors(value: Any, where: str) -> float | dict[str, float] | None:
    if isinstance(value, dict):
        return {str(name): _within(floor, f"{where}.{name}") for name, floor in value.items()}
    return _optional(value, where)


def _bounds(value: Any, where: str, known: tuple[str, ...], highest: float) -> tuple[tuple[str, float], ...]:
    section = _mapping(value, where)
    for name in section:
        if name not in known:
            raise ValueError(f"{where}: unknown metric {name!r}; expected one of {', '.join(known)}")
    return tuple((name, _within(bound, f"{where}.{name}", highest)) for name, bound in sorted(section.items()))


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
