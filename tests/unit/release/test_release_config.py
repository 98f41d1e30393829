from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from release.config import read_platform, read_project

ROOT = Path(__file__).parents[3]


def environment_of(platform):
    return {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in asdict(platform).items()
    }


def project_with(tmp_path, **changes):
    sections = yaml.safe_load((ROOT / "moderation.yaml").read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = sections
        for parent in parents:
            section = section[parent]
        section[last] = value
    file = tmp_path / "moderation.yaml"
    file.write_text(yaml.safe_dump(sections))
    return file


def test_a_platform_survives_the_way_through_the_environment(platform):
    assert read_platform(environment_of(platform)) == platform


def test_every_missing_variable_is_named(platform):
    environment = environment_of(platform)
    del environment["KMS_KEY_ARN"], environment["DATA_BUCKET"]
    with pytest.raises(ValueError, match="DATA_BUCKET, KMS_KEY_ARN"):
        read_platform(environment)


@pytest.mark.parametrize(
    ("name", "value"), [("TRAINING_INSTANCE_COUNT", "two"), ("MAX_TRAINING_SECONDS", "0"), ("TRAINING_USE_SPOT", "yes")]
)
def test_a_malformed_variable_is_named_with_what_was_found(platform, name, value):
    with pytest.raises(ValueError, match=f"{name} is '{value}'"):
        read_platform(environment_of(platform) | {name: value})


def test_the_shipped_moderation_yaml_is_readable():
    project = read_project(ROOT / "moderation.yaml")
    # The values are a data scientist's to edit; a build of the Check stage runs this on the edited file.
    assert int(project.hyperparameters["epochs"]) >= 1
    assert set(project.gate.minimum) == {"macro_auroc", "macro_average_precision"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate__champion_margn": 1}, "gate: unknown key champion_margn"),
        ({"gate__minimum__macro_aurok": 0.5}, "unknown metric 'macro_aurok'"),
        ({"gate__minimum__macro_auroc": "high"}, "minimum.macro_auroc: found 'high'"),
        ({"gate__minimum__macro_auroc": 75}, "minimum.macro_auroc: found 75"),
        ({"gate__baseline_margin": -2}, "baseline_margin: found -2"),
        ({"base_model__sha256": "abc"}, "base_model.sha256: found 'abc'"),
        ({"hyperparameters__epochs": [1, 2]}, r"hyperparameters.epochs: found \[1, 2\]"),
        ({"extra": {}}, "unknown key extra"),
        ({"data": "raw/"}, "data: found 'raw/'"),
    ],
)
def test_a_mistake_in_moderation_yaml_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_project(project_with(tmp_path, **change))


def test_broken_yaml_is_one_line(tmp_path):
    file = tmp_path / "moderation.yaml"
    file.write_text("gate: [1,\n  : }")
    with pytest.raises(ValueError, match="is not valid YAML") as caught:
        read_project(file)
    assert "\n" not in str(caught.value)
