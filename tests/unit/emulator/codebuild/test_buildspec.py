"""The build specification: what is read, and what is refused with which words."""

import pytest

from emulator.codebuild.buildspec import Artifact, Phase, Report, parse

WHOLE = """
version: 0.2
env:
  shell: bash
  variables: {A: 1, B: true, C: text}
  parameter-store: {P: /p}
  secrets-manager: {S: "id:key"}
  exported-variables: [A]
phases:
  install:
    runtime-versions: {python: 3.11}
    commands: [one]
  build:
    on-failure: CONTINUE
    commands: [two, three]
    finally: [last]
reports:
  unit: {files: ["*.xml"], base-directory: out, file-format: JunitXml}
artifacts:
  files: ["**/*"]
  discard-paths: yes
  secondary-artifacts:
    extra: {files: [a], base-directory: b}
cache:
  paths: [".cache/**/*"]
"""


def test_every_section_is_read():
    spec = parse(WHOLE)
    assert spec.shell == "bash"
    assert spec.variables == {"A": "1", "B": "true", "C": "text"}
    assert (spec.parameter_store, spec.secrets_manager) == ({"P": "/p"}, {"S": "id:key"})
    assert spec.exported_variables == ("A",)
    assert spec.phases["install"] == Phase(("one",))
    assert spec.phases["build"] == Phase(("two", "three"), ("last",), continues_on_failure=True)
    assert spec.reports == {"unit": Report(("*.xml",), "out")}
    assert spec.artifacts == Artifact(("**/*",), discard_paths=True)
    assert spec.secondary_artifacts == {"extra": Artifact(("a",), "b")}
    assert spec.cache_paths == (".cache/**/*",)


BUILD = "phases: {build: {commands: [x]}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 0.1\n" + BUILD, "buildspec version 0.1: expected 0.2"),
        ("version: [", "not valid YAML"),
        ("just text", "expected a mapping, found a string"),
        ("version: 0.2\nphases: {}\n", "has no commands"),
        ("version: 0.2\nphases: {test: {commands: [x]}}\n", "unknown or not emulated: test"),
        ("version: 0.2\nbatch: {}\n" + BUILD, "unknown or not emulated: batch"),
        ("version: 0.2\nphases: {build: {commands: x}}\n", "phases/build/commands: expected a list, found a string"),
        ("version: 0.2\nphases: {build: {commands: [{echo a: b}]}}\n", "entry 1: expected a string, found a mapping"),
        ("version: 0.2\nphases: {build: {commands: [x], on-failure: RETRY-3}}\n", "expected ABORT or CONTINUE"),
        ("version: 0.2\nenv: {shell: fish}\n" + BUILD, "env/shell 'fish': expected one of sh"),
        ("version: 0.2\nenv: {variables: {A-B: x}}\n" + BUILD, "'A-B' is not the name of an environment variable"),
        ("version: 0.2\nenv: {variables: {A: [x]}}\n" + BUILD, "env/variables/A: expected a string, found a list"),
        ("version: 0.2\nartifacts: {name: x}\n" + BUILD, "artifacts names no files"),
        ("version: 0.2\nreports: {u: {files: [x], file-format: NUNITXML}}\n" + BUILD, "NUNITXML is not emulated"),
    ],
)
def test_a_wrong_buildspec_is_refused_in_words(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text)
