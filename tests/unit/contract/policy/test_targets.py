from pathlib import Path

import pytest

from contract.evaluation.section import read_targets
from contract.policy.targets import LabelTargets, Targets

ROOT = Path(__file__).parents[4]


def written(tmp_path, text):
    (tmp_path / "moderation.yaml").write_text(text)
    return tmp_path / "moderation.yaml"


def test_the_shipped_moderation_yaml_holds_a_policy_that_can_be_read():
    # the values are a data scientist's to edit; a build of the Check stage runs this on the edited file
    assert 0 < read_targets(ROOT / "moderation.yaml").block_precision <= 1


def test_targets_are_read_as_they_stand(tmp_path):
    section = "{block_precision: 0.95, review_recall: 0.8, labels: {a: {review: 0.2, block_precision: 0.99}}}"
    found = read_targets(written(tmp_path, f"policy: {section}\n"))
    assert found.of("a") == LabelTargets(review=0.2, block_precision=0.99)
    assert found.of("b") == LabelTargets(review_recall=0.8, block_precision=0.95)
    assert read_targets(written(tmp_path, "gate: {}\n")) == Targets()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{block_precison: 0.9}", "found the unknown key `block_precison`, did you mean block_precision?"),
        ("[1]", r"policy: found a list of 1, expected a mapping"),
        ("{block_precision: 90}", "policy.block_precision: found 90, expected at most 1"),
        ("{review_recall: true}", "policy.review_recall: found true"),
        ("{labels: [a]}", r"policy.labels: found a list of 1"),
        ("{labels: {a: {treshold: 1}}}", "policy.labels.a: found the unknown key `treshold`"),
        ("{labels: {a: {block: high}}}", 'policy.labels.a.block: found "high"'),
        ("{labels: {a: {review: 0.9, block: 0.3}}}", "found review 0.9 above block 0.3"),
        ("{labels: {a: {block: 0.9, block_precision: 0.9}}}", "found block and block_precision"),
    ],
)
def test_a_mistake_in_the_policy_section_is_named(tmp_path, section, message):
    with pytest.raises(ValueError, match=message):
        read_targets(written(tmp_path, f"policy: {section}\n"))
