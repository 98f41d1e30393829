from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from release.config import ChampionRules, EvaluationSettings, GateRules, read_platform, read_project

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
    assert {"macro_auroc", "macro_average_precision"} <= set(dict(project.gate.minimum))


def test_every_rule_of_the_gate_can_be_written(tmp_path):
    file = project_with(
        tmp_path,
        gate={
            "mode": "report",
            "minimum": {"micro_f1": 0.1},
            "maximum": {"expected_calibration_error": 0.2, "false_positives_per_1000_clean": 50},
            "baseline_margin": 0.01,
            "champion": {"no_label_worse": True, "maximum_flip_share": 0.1, "no_behaviour_worse": True},
            "behaviour_minimum": {"negation": 0.5},
            "evasion_minimum": 0.25,
            "slice_minimum": {"identity": {"bpsn_auc": 0.6}},
            "maximum_p95_milliseconds": 500,
        },
    )
    assert read_project(file).gate == GateRules(
        mode="report",
        minimum=(("micro_f1", 0.1),),
        maximum=(("expected_calibration_error", 0.2), ("false_positives_per_1000_clean", 50.0)),
        baseline_margin=0.01,
        champion=ChampionRules(no_label_worse=True, maximum_flip_share=0.1, no_behaviour_worse=True),
        behaviour_minimum={"negation": 0.5},
        evasion_minimum=0.25,
        slice_minimum=(("identity", {"bpsn_auc": 0.6}),),
        maximum_p95_milliseconds=500.0,
    )


def test_a_rule_that_is_not_written_is_not_applied(tmp_path):
    assert read_project(project_with(tmp_path, gate={})).gate == GateRules()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate__champion_margn": 1}, "gate: unknown key champion_margn"),
        ({"gate__minimum__macro_aurok": 0.5}, "unknown metric 'macro_aurok'"),
        ({"gate__minimum__macro_auroc": "high"}, "minimum.macro_auroc: found 'high'"),
        ({"gate__minimum__macro_auroc": 75}, "minimum.macro_auroc: found 75"),
        ({"gate__baseline_margin": -2}, "baseline_margin: found -2"),
        ({"gate__mode": "dry"}, "gate.mode: found 'dry'; expected enforce or report"),
        ({"gate__maximum": {"macro_auroc": 0.9}}, "gate.maximum: unknown metric 'macro_auroc'"),
        ({"gate__champion__no_label_worse": 1}, "champion.no_label_worse: found 1; expected true or false"),
        ({"gate__champion__flips": 1}, "gate.champion: unknown key flips"),
        ({"gate__champion__maximum_flip_share": 15}, "maximum_flip_share: found 15; expected a number from 0 to 1"),
        ({"gate__evasion_minimum": {"leetspeak": 40}}, "evasion_minimum.leetspeak: found 40"),
        ({"gate__behaviour_minimum": "most"}, "behaviour_minimum: found 'most'; expected a number"),
        ({"gate__slice_minimum": {"colour": {}}}, "gate.slice_minimum: unknown key colour"),
        ({"gate__slice_minimum": {"length": {"rows": 1}}}, "slice_minimum.length: unknown metric 'rows'"),
        ({"gate__maximum_p95_milliseconds": True}, "maximum_p95_milliseconds: found True"),
        ({"policy": [1]}, r"policy: found \[1\]"),
        ({"base_model__sha256": "abc"}, "base_model.sha256: found 'abc'"),
        ({"hyperparameters__epochs": [1, 2]}, r"hyperparameters.epochs: found \[1, 2\]"),
        ({"extra": {}}, "unknown key extra"),
        ({"evaluation__show_text": True}, "evaluation: unknown key show_text; expected behaviour, show_texts"),
        ({"evaluation__show_texts": "yes"}, "evaluation.show_texts: found 'yes'; expected true or false"),
        ({"evaluation__behaviour": "cases.csv"}, "behaviour: found 'cases.csv', but there is no such file"),
        ({"evaluation__behaviour": "../cases.csv"}, "behaviour: found '../cases.csv'; expected the path of a .csv"),
        ({"evaluation__behaviour": "/etc/passwd.csv"}, "behaviour: found '/etc/passwd.csv'; expected the path"),
        ({"evaluation__behaviour": "cases.txt"}, "behaviour: found 'cases.txt'; expected the path of a .csv file"),
        ({"evaluation__behaviour": True}, "behaviour: found True; expected the path of a .csv file"),
        ({"evaluation": []}, r"evaluation: found \[\]; expected a mapping"),
        ({"data": "raw/"}, "data: found 'raw/'"),
    ],
)
def test_a_mistake_in_moderation_yaml_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_project(project_with(tmp_path, **change))


def test_without_an_evaluation_section_nothing_is_shown_and_our_own_suite_judges_alone(tmp_path):
    file = tmp_path / "moderation.yaml"
    sections = yaml.safe_load((ROOT / "moderation.yaml").read_text())
    file.write_text(yaml.safe_dump({name: part for name, part in sections.items() if name != "evaluation"}))
    assert read_project(file).evaluation == EvaluationSettings(show_texts=False, behaviour=None)


def test_the_evaluation_section_names_a_file_of_the_repository(tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "hatecheck.csv").write_text("")
    file = project_with(tmp_path, evaluation={"show_texts": True, "behaviour": "./cases/hatecheck.csv"})
    assert read_project(file).evaluation == EvaluationSettings(show_texts=True, behaviour="cases/hatecheck.csv")


def test_broken_yaml_is_one_line(tmp_path):
    file = tmp_path / "moderation.yaml"
    file.write_text("gate: [1,\n  : }")
    with pytest.raises(ValueError, match="is not valid YAML") as caught:
        read_project(file)
    assert "\n" not in str(caught.value)
