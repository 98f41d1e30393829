import json
import tarfile

import numpy as np
import pytest

from contract.policy.targets import LabelTargets, Targets
from moderation.evaluation.repackage import with_policy
from moderation.fitting.thresholds import choose_policy
from moderation.fitting.validation_scores import ValidationScores, write_scores
from moderation.model.policy import read_policy, write_policy

LABELS = ["insult", "threat"]
OTHER = Targets(labels={"threat": LabelTargets(review=0.2, block=0.3)})


@pytest.fixture
def candidate(tmp_path):
    """A directory with an archive as training leaves it, its weights a few bytes."""
    chance = np.random.default_rng(1)
    truth = (chance.random((60, 2)) < 0.4).astype(np.float32)
    probs = np.clip(truth * 0.5 + chance.random((60, 2)) * 0.5, 0, 1)
    prevalence = np.array([0.4, 0.4])
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "labels.json").write_text(json.dumps({"labels": LABELS}))
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "code" / "inference.py").write_text("# code")
    write_policy(choose_policy(LABELS, truth, probs, prevalence), model)
    write_scores(ValidationScores(truth, probs, prevalence), model)
    directory = tmp_path / "candidate"
    directory.mkdir()
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        archive.add(model, ".")
    return directory


def unpacked(directory, target):
    with tarfile.open(directory / "model.tar.gz") as archive:
        archive.extractall(target, filter="data")
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_the_policy_of_the_training_leaves_the_archive_as_it_is(candidate, tmp_path):
    assert with_policy(candidate, Targets(), tmp_path / "out") == candidate
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["policy.json"]
    files = unpacked(candidate, tmp_path / "files")
    assert json.loads(files["policy.json"]) == json.loads((tmp_path / "out" / "policy.json").read_text())


def test_another_policy_makes_an_archive_in_which_nothing_else_changed(candidate, tmp_path):
    assert with_policy(candidate, OTHER, tmp_path / "out") == tmp_path / "out"
    before, after = unpacked(candidate, tmp_path / "before"), unpacked(tmp_path / "out", tmp_path / "after")
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"policy.json"}
    released = read_policy(tmp_path / "after", LABELS)
    assert released.content()["labels"]["threat"] == {"review": 0.2, "block": 0.3}
    assert read_policy(tmp_path / "out", LABELS).id == released.id
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.tar.gz", "policy.json"]


def test_a_repackaged_model_goes_back_to_the_policy_of_its_training(candidate, tmp_path):
    with_policy(candidate, OTHER, tmp_path / "out")
    chosen = read_policy(tmp_path / "out", LABELS).id
    trained = json.loads(unpacked(candidate, tmp_path / "files")["policy.json"])["id"]
    assert chosen != trained
    with_policy(candidate, Targets(), tmp_path / "again")
    assert read_policy(tmp_path / "again", LABELS).id == trained


def test_a_damaged_or_absent_archive_is_a_reason(candidate, tmp_path):
    with pytest.raises(ValueError, match=r"candidate: found no model\.tar\.gz"):
        with_policy(tmp_path / "absent", Targets(), tmp_path / "out")
    content = (candidate / "model.tar.gz").read_bytes()
    (candidate / "model.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"candidate: found a damaged model\.tar\.gz"):
        with_policy(candidate, Targets(), tmp_path / "out")


def test_targets_of_an_unknown_label_end_before_anything_is_written(candidate, tmp_path):
    with pytest.raises(ValueError, match="found the unknown label spam"):
        with_policy(candidate, Targets(labels={"spam": LabelTargets(block=0.5)}), tmp_path / "out")
    assert not (tmp_path / "out" / "model.tar.gz").exists()
