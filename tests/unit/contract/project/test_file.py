import copy
import random
import re
from pathlib import Path

import pytest
import yaml

from contract.evaluation.section import EvaluationConfig
from contract.policy.targets import LabelTargets
from contract.project.file import read_project
from contract.project.gate import GateRules

ROOT = Path(__file__).parents[4]
SHIPPED = ROOT / "moderation.yaml"
# Of our own, so that a legal edit of the shipped file turns no test red
WRITTEN = {
    "data": {
        "source": "raw/",
        "id_field": "id",
        "text_field": "text",
        "labels_field": "labels",
        "labels": [],
        "bad_rows": {"broken_row": "stop", "duplicate_text": "drop"},
        "near_duplicates": 0.8,
        "minimum_positives": 5,
        "validation_fraction": 0.1,
        "test_fraction": 0.25,
        "seed": 13,
    },
    "base_model": {"source": "pypi:a-model==1.0", "sha256": "ab" * 32},
    "hyperparameters": {"epochs": 2, "batch-size": 16, "learning-rate": 3e-4, "linear-probe": True},
    "gate": {
        "mode": "enforce",
        "minimum": {"macro_auroc": 0.65},
        "baseline_margin": -0.02,
        "champion": {"no_label_worse": True, "maximum_flip_share": 0.15},
        "slice_minimum": {"identity": {"bpsn_auc": 0.6}},
    },
    "policy": {"block_precision": 0.9, "labels": {"threat": {"review_recall": 0.95}}},
    "evaluation": {"show_texts": False},
}
ABSENT = object()


def written_with(tmp_path, **changes):
    """A file with changes by path, `gate__minimum__macro_auroc=0.5`; ABSENT takes a key out."""
    sections = copy.deepcopy(WRITTEN)
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = sections
        for parent in parents:
            section = section[parent]
        if value is ABSENT:
            del section[last]
        else:
            section[last] = value
    file = tmp_path / "moderation.yaml"
    file.write_text(yaml.safe_dump(sections, sort_keys=False))
    return file


def test_the_shipped_file_can_be_read_whatever_values_it_holds():
    assert read_project(SHIPPED).base_model.source


def test_sections_arrive_with_their_types(tmp_path):
    project = read_project(written_with(tmp_path))
    assert project.hyperparameters == {
        "epochs": "2", "batch-size": "16", "learning-rate": "0.0003", "linear-probe": "true"
    }  # fmt: skip
    assert project.policy.of("threat") == LabelTargets(review_recall=0.95, block_precision=0.9)
    assert project.data.bad_rows.duplicate_text == "drop"


@pytest.mark.parametrize("name", ["policy", "evaluation", "gate", "hyperparameters"])
def test_a_section_that_is_not_written_has_its_defaults(tmp_path, name):
    project = read_project(written_with(tmp_path, **{name: ABSENT}))
    assert project.evaluation == EvaluationConfig(show_texts=False, behaviour=None)
    assert name != "gate" or project.gate == GateRules()


@pytest.mark.parametrize(
    "change",
    [
        {"gate__baseline_margin": ABSENT},
        {"gate__champion": ABSENT},
        {"gate__minimum": {}},
        {"gate__mode": "report"},
        {"gate__behaviour_minimum": 0.5},
        {"gate__behaviour_minimum": {"negation": 1}},
        {"gate__maximum_p95_milliseconds": 250.5},
        {"data__seed": ABSENT},
        {"data__near_duplicates": False},
        {"data__near_duplicates": "off"},
        {"data__labels": ["insult", "no"]},
        {"data__labels": [1, 2]},
        {"data__bad_rows": ABSENT},
        {"data__source": "hub:team/set@0123abc"},
        {"data__labels_field": ABSENT, "data__class_field": "label", "data__classes": {1: "hate", "2": "spam"}},
        {"data__labels_field": ABSENT, "data__label_fields": ["insult", "threat"]},
        {"base_model__source": "s3://bucket/prefix/"},
        {"base_model__source": "./encoder"},
        {"hyperparameters__learning-rate": "3e-4"},
        {"hyperparameters__epochs": "3"},
        {"hyperparameters__ngrams": False},
        {"hyperparameters__encoder-dropout": -1},
        {"hyperparameters": {}},
        {"policy__review_recall": 0.8},
        {"policy__labels__threat": {"review": 0.2, "block": 0.97}},
        {"evaluation__show_texts": True},
    ],
)  # fmt: skip
def test_a_legal_edit_is_accepted(tmp_path, change):
    read_project(written_with(tmp_path, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate__champion_margn": 1}, "gate: found the unknown key `champion_margn`, did you mean champion?"),
        ({"gate__minimum__macro_aurok": 0.5}, "gate.minimum: found the unknown key `macro_aurok`, did you mean"),
        ({"gate__minimum__macro_auroc": "high"}, 'gate.minimum.macro_auroc: found "high", expected a number'),
        ({"gate__minimum__macro_auroc": 75}, "gate.minimum.macro_auroc: found 75, expected at most 1"),
        ({"gate__minimum__macro_auroc": True}, "gate.minimum.macro_auroc: found true, expected a number"),
        ({"gate__minimum": [0.5]}, "gate.minimum: found a list of 1, expected a mapping"),
        ({"gate__baseline_margin": -2}, "gate.baseline_margin: found -2, expected at least -1"),
        ({"gate__mode": "dry"}, 'gate.mode: found "dry", expected one of enforce, report'),
        ({"gate__mode": "enforced"}, 'gate.mode: found "enforced", did you mean enforce?'),
        ({"gate__maximum": {"macro_auroc": 0.9}}, "gate.maximum: found the unknown key `macro_auroc`"),
        ({"gate__champion__no_label_worse": 1}, "gate.champion.no_label_worse: found 1, expected true or false"),
        ({"gate__champion__flips": 1}, "gate.champion: found the unknown key `flips`"),
        ({"gate__champion__maximum_flip_share": 15}, "maximum_flip_share: found 15, expected at most 1"),
        ({"gate__evasion_minimum": {"leetspeak": 40}}, "gate.evasion_minimum: leetspeak: found 40"),
        ({"gate__behaviour_minimum": "most"}, "gate.behaviour_minimum: found 'most', expected a number"),
        ({"gate__slice_minimum": {"colour": {}}}, "gate.slice_minimum: found the unknown key `colour`"),
        ({"gate__slice_minimum": {"length": {"rows": 1}}}, "gate.slice_minimum.length: found the unknown key `rows`"),
        ({"gate__maximum_p95_milliseconds": True}, "gate.maximum_p95_milliseconds: found true, expected a number"),
        ({"gate__maximum_p95_milliseconds": float("inf")}, "gate.maximum_p95_milliseconds"),
        ({"policy": [1]}, "policy: found a list of 1, expected a mapping"),
        ({"policy__block_precision": 90}, "policy.block_precision: found 90, expected at most 1"),
        ({"policy__labels__threat": {"recall": 0.9}}, "policy.labels.threat: found the unknown key `recall`"),
        ({"policy__labels__threat": {"review": 0.9, "block": 0.2}}, "policy.labels.threat: found review 0.9 above"),
        ({"base_model__sha256": "abc"}, "base_model.sha256: found 'abc', expected the 64 lower-case hex digits"),
        ({"base_model__sha256": int("1" * 64)}, "base_model.sha256: found 1111"),
        ({"base_model__source": "pypi:-rfile==1"}, "base_model.source: found 'pypi:-rfile==1'"),
        ({"base_model__source": "hub:model"}, "base_model.source: found 'hub:model', expected pypi:"),
        ({"base_model": ABSENT}, "base_model.source: found nothing, this key must be there"),
        ({"hyperparameters__epochs": [1, 2]}, "hyperparameters.epochs: found list, expected a whole number"),
        ({"hyperparameters__epochs": 2.5}, "hyperparameters.epochs: found '2.5', expected a whole number"),
        ({"hyperparameters__epochs": True}, "hyperparameters.epochs: found true, expected a whole number"),
        ({"hyperparameters__epochs": 0}, "hyperparameters.epochs: found 0, expected 1 or more"),
        ({"hyperparameters__learning_rate": 1e-4}, "learning_rate: found an unknown name, did you mean learning-rate?"),
        ({"hyperparameters__learning-rate": float("nan")}, "hyperparameters.learning-rate: found nan"),
        ({"hyperparameters__seed": -1}, "hyperparameters.seed: found -1, expected 0 or more"),
        ({"hyperparameters__pooling": "max"}, "hyperparameters.pooling: found 'max', expected one of mean, cls"),
        ({"hyperparameters__linear-probe": "maybe"}, "hyperparameters.linear-probe: found 'maybe', expected true or"),
        ({"hyperparameters": [1]}, "hyperparameters: found a list of 1, expected a mapping"),
        ({"extra": {}}, "found the unknown section `extra`"),
        ({"gates": {}}, "found the unknown section `gates`, did you mean gate?"),
        ({"evaluation__show_text": True}, "evaluation: found the unknown key `show_text`, did you mean show_texts?"),
        ({"evaluation__show_texts": "yes"}, 'evaluation.show_texts: found "yes", expected true or false'),
        ({"evaluation__behaviour": "cases.csv"}, "behaviour: found 'cases.csv', but there is no such file"),
        ({"evaluation__behaviour": "../cases.csv"}, "behaviour: found '../cases.csv', expected the path of a .csv"),
        ({"evaluation__behaviour": "/etc/passwd.csv"}, "behaviour: found '/etc/passwd.csv', expected the path"),
        ({"evaluation__behaviour": "cases.txt"}, "behaviour: found 'cases.txt', expected the path of a .csv file"),
        ({"evaluation__behaviour": True}, "behaviour: found True, expected the path of a .csv file"),
        ({"evaluation": []}, "evaluation: found a list of 0, expected a mapping"),
        ({"data": "raw/"}, "data: found no such section"),
        ({"data__bad_rows": {"broken": "drop"}}, "found the unknown key `broken`, did you mean broken_row?"),
        ({"data__bad_rows": "drop"}, 'data.bad_rows: found "drop", expected a mapping'),
        ({"data__labels": "insult"}, 'data.labels: found "insult", expected a list'),
        ({"data__labels": [True]}, "data.labels.0: found true, expected text"),
        ({"data__labels": ["a", "a"]}, "labels: found a twice"),
        ({"data__labels": ["line\nbreak"]}, "data.labels.0: found 'line\\\\nbreak', expected a name"),
        ({"data__id_field": None}, "data.id_field: found nothing, expected text"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_was_expected(tmp_path, change, message):
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\\\\", r"\\")) as caught:
        read_project(written_with(tmp_path, **change))
    assert str(caught.value).startswith("moderation.yaml: ")


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(ValueError, match="found the unknown key") as caught:
        read_project(written_with(tmp_path, data__sed=1, gate__mode="dry", hyperparameters__epoch=2))
    assert [line.split(" found ")[0] for line in str(caught.value).splitlines()] == [
        "moderation.yaml: data:",
        "moderation.yaml: hyperparameters: epoch:",
        "moderation.yaml: gate.mode:",
    ]


def places(section, place=()):
    for key, value in section.items():
        yield (*place, key)
        if isinstance(value, dict):
            yield from places(value, (*place, key))


def misspelt(name, chance):
    place = chance.randrange(len(name))
    return name[:place] + chance.choice("qxz") + name[place + 1 :]


@pytest.mark.parametrize("seed", range(60))
def test_a_random_mistake_is_refused_and_its_key_named(tmp_path, seed):
    """Keys misspelt, values of another type, keys that stand twice, tabs."""
    chance = random.Random(seed)  # noqa: S311 - mistakes, not secrets
    content = copy.deepcopy(WRITTEN)
    # names of labels and groups are free
    candidates = [place for place in places(content) if "labels" not in place[:-1]]
    *parents, last = chance.choice(candidates)
    section = content
    for parent in parents:
        section = section[parent]
    value, kind = section[last], seed % 4
    if kind == 0:
        named = misspelt(last, chance)
        section[named] = section.pop(last)
    elif kind == 1:
        named = last
        wrong = [[value], {"a": {"b": value}}, ["x", {}], None if last in ("mode", "seed") else [[]]]
        section[last] = chance.choice(wrong)
    else:
        named = last
    text = yaml.safe_dump(content, sort_keys=False)
    if kind == 2:
        whole = rf"(?m)^( *){re.escape(last)}:.*\n(?:\1[ -].*\n)*"
        text = re.sub(whole, lambda match: match.group() * 2, text, count=1)
    elif kind == 3:
        text = re.sub(rf"(?m)^( *){re.escape(last)}:", lambda match: f"\t{match.group()}", text, count=1)
    file = tmp_path / "moderation.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(named)) as caught:
        read_project(file)
    assert "moderation.yaml" in str(caught.value)
