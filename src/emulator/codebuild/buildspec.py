"""The build specification, version 0.2, as CodeBuild documents it: parsed and checked before anything runs."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
SHELLS = ("sh", "/bin/sh", "bash")
REPORT_FORMATS = ("JUNITXML",)
ON_FAILURE = ("ABORT", "CONTINUE")

TOP_LEVEL_KEYS = {"version", "env", "phases", "reports", "artifacts", "cache"}
ENV_KEYS = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"}
PHASE_KEYS = {"on-failure", "commands", "finally", "runtime-versions"}
ARTIFACT_KEYS = {"files", "name", "base-directory", "discard-paths", "exclude-paths"}
REPORT_KEYS = {"files", "base-directory", "discard-paths", "file-format"}
CACHE_KEYS = {"paths", "key"}

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Phase:
    """What one phase runs."""

    commands: tuple[str, ...] = ()
    last_commands: tuple[str, ...] = ()  # `finally`: run whether or not the commands succeeded
    continues_on_failure: bool = False  # `on-failure: CONTINUE`


@dataclass(frozen=True)
class Artifact:
    """Which files make up one output."""

    files: tuple[str, ...]  # glob patterns below `base_directory`
    base_directory: str = "."
    name: str | None = None
    discard_paths: bool = False
    exclude_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Where the test results of one report group lie."""

    files: tuple[str, ...]
    base_directory: str = "."


@dataclass(frozen=True)
class Buildspec:
    """A whole build specification."""

    shell: str = "sh"
    variables: dict[str, str] = field(default_factory=dict)
    parameter_store: dict[str, str] = field(default_factory=dict)  # variable -> parameter name
    secrets_manager: dict[str, str] = field(default_factory=dict)  # variable -> id[:json key[:stage[:version]]]
    exported_variables: tuple[str, ...] = ()
    phases: dict[str, Phase] = field(default_factory=dict)  # only those that are there
    artifacts: Artifact | None = None
    secondary_artifacts: dict[str, Artifact] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)  # report group name or ARN -> where
    cache_paths: tuple[str, ...] = ()


def parse(text: str) -> Buildspec:
    """Reads a build specification.

    Raises ValueError, which says what was found and what was expected, for anything that CodeBuild would refuse or
    that is not emulated (version 0.1, batch, proxy, run-as, retries, coverage formats).
    """
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the buildspec is not valid YAML: {error}") from error
    spec = _mapping(spec, "the buildspec", TOP_LEVEL_KEYS)
    if str(spec.get("version")) != "0.2":
        raise ValueError(f"buildspec version {spec.get('version')!r}: expected 0.2")
    env = _mapping(spec.get("env", {}), "env", ENV_KEYS)
    shell = env.get("shell", "sh")
    if shell not in SHELLS:
        raise ValueError(f"env/shell {shell!r}: expected one of {', '.join(SHELLS)}")
    phases = {name: _phase(name, value) for name, value in _mapping(spec.get("phases"), "phases", set(PHASES)).items()}
    if not any(phase.commands or phase.last_commands for phase in phases.values()):
        raise ValueError("the buildspec has no commands: expected phases with a list named commands")
    artifacts = dict(spec.get("artifacts") or {})
    secondary = artifacts.pop("secondary-artifacts", None) or {}
    cache = _mapping(spec.get("cache", {}), "cache", CACHE_KEYS)
    return Buildspec(
        shell=shell,
        variables=_variables(env.get("variables"), "env/variables"),
        parameter_store=_variables(env.get("parameter-store"), "env/parameter-store"),
        secrets_manager=_variables(env.get("secrets-manager"), "env/secrets-manager"),
        exported_variables=_strings(env.get("exported-variables"), "env/exported-variables"),
        phases=phases,
        artifacts=_artifact(artifacts, "artifacts") if artifacts else None,
        secondary_artifacts={
            name: _artifact(value, f"artifacts/secondary-artifacts/{name}") for name, value in secondary.items()
        },
        reports={name: _report(name, value) for name, value in (spec.get("reports") or {}).items()},
        cache_paths=_strings(cache.get("paths"), "cache/paths"),
    )


def _phase(name: str, value: Any) -> Phase:
    value = _mapping(value, f"phases/{name}", PHASE_KEYS)
    on_failure = value.get("on-failure", "ABORT")
    if on_failure not in ON_FAILURE:
        raise ValueError(f"phases/{name}/on-failure {on_failure!r} is not emulated: expected ABORT or CONTINUE")
    return Phase(
        commands=_strings(value.get("commands"), f"phases/{name}/commands"),
        last_commands=_strings(value.get("finally"), f"phases/{name}/finally"),
        continues_on_failure=on_failure == "CONTINUE",
    )


def _artifact(value: Any, where: str) -> Artifact:
    value = _mapping(value, where, ARTIFACT_KEYS)
    files = _strings(value.get("files"), f"{where}/files")
    if not files:
        raise ValueError(f"{where} names no files: expected a list of patterns, for example ['**/*']")
    return Artifact(
        files=files,
        base_directory=str(value.get("base-directory", ".")),
        name=value.get("name"),
        discard_paths=_flag(value.get("discard-paths", False), f"{where}/discard-paths"),
        exclude_paths=_strings(value.get("exclude-paths"), f"{where}/exclude-paths"),
    )


def _report(name: str, value: Any) -> Report:
    value = _mapping(value, f"reports/{name}", REPORT_KEYS)
    file_format = str(value.get("file-format", "JUNITXML")).upper()
    if file_format not in REPORT_FORMATS:
        raise ValueError(f"reports/{name}/file-format {file_format} is not emulated: expected JUNITXML")
    files = _strings(value.get("files"), f"reports/{name}/files")
    if not files:
        raise ValueError(f"reports/{name} names no files: expected a list of patterns")
    return Report(files=files, base_directory=str(value.get("base-directory", ".")))


def _mapping(value: Any, where: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a mapping, found {_kind(value)}")
    if unknown := sorted(str(key) for key in set(value) - keys):
        raise ValueError(
            f"{where}: unknown or not emulated: {', '.join(unknown)}; expected some of {', '.join(sorted(keys))}"
        )
    return value


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, found {_kind(value)}")
    for position, entry in enumerate(value, 1):
        if not isinstance(entry, str):
            # "- echo a: b" is a mapping for YAML, the commonest mistake in a buildspec
            raise ValueError(f"{where}, entry {position}: expected a string, found {_kind(entry)}; put it in quotes")
    return tuple(value)


def _variables(value: Any, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a mapping, found {_kind(value)}")
    for name, entry in value.items():
        if not VARIABLE_NAME.fullmatch(str(name)):
            raise ValueError(f"{where}: {name!r} is not the name of an environment variable")
        if isinstance(entry, dict | list):
            raise ValueError(f"{where}/{name}: expected a string, found {_kind(entry)}")
    return {str(name): _text(entry) for name, entry in value.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _flag(value: Any, where: str) -> bool:
    known = {True: True, False: False, "yes": True, "no": False}
    if value not in known:
        raise ValueError(f"{where}: expected yes or no, found {value!r}")
    return known[value]


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", type(None): "nothing", int: "a number"}
    return names.get(type(value), type(value).__name__)
