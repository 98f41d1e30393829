import pytest
import yaml

from contract.project.gate import ChampionRules, GateRules
from contract.strict.checking import checked_section
from contract.strict.document import read_document


def gate_of(tmp_path, section):
    (tmp_path / "moderation.yaml").write_text(yaml.safe_dump({"gate": section}))
    return checked_section(GateRules, read_document(tmp_path / "moderation.yaml"), "gate")


def test_every_rule_of_the_gate_can_be_written(tmp_path):
    gate = {
        "mode": "report",
        "minimum": {"micro_f1": 0.1},
        "maximum": {"expected_calibration_error": 0.2, "false_positives_per_1000_clean": 50},
        "baseline_margin": 0.01,
        "champion": {"no_label_worse": True, "maximum_flip_share": 0.1, "no_behaviour_worse": True},
        "behaviour_minimum": {"negation": 0.5},
        "evasion_minimum": 0.25,
        "slice_minimum": {"identity": {"bpsn_auc": 0.6}},
        "maximum_p95_milliseconds": 500,
    }
    assert gate_of(tmp_path, gate) == GateRules(
        mode="report",
        minimum={"micro_f1": 0.1},
        maximum={"expected_calibration_error": 0.2, "false_positives_per_1000_clean": 50.0},
        baseline_margin=0.01,
        champion=ChampionRules(no_label_worse=True, maximum_flip_share=0.1, no_behaviour_worse=True),
        behaviour_minimum={"negation": 0.5},
        evasion_minimum=0.25,
        slice_minimum={"identity": {"bpsn_auc": 0.6}},
        maximum_p95_milliseconds=500.0,
    )


def test_without_the_section_no_rule_is_applied(tmp_path):
    assert gate_of(tmp_path, {}) == GateRules()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"minimum": {"macro_aurok": 0.5}}, "found the unknown key `macro_aurok`, did you mean macro_auroc"),
        ({"behaviour_minimum": {"negation": 50}}, "negation: found 50, expected a number from 0 to 1"),
        ({"mode": "warn"}, 'gate.mode: found "warn"'),
    ],
)
def test_a_mistake_in_a_rule_is_named(tmp_path, section, message):
    with pytest.raises(ValueError, match=message):
        gate_of(tmp_path, section)
