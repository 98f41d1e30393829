import json

import numpy as np
import pytest

from contract.dataset.labels import LabelsDocument
from contract.model.archive import SERVING_FOLDERS
from moderation.fitting.base_model import from_base_model
from moderation.fitting.validation_scores import ValidationScores, read_scores
from moderation.model import classifier as models
from moderation.model.policy import make_policy, read_policy
from moderation.training import archive
from moderation.training.archive import TrainedModel, copy_code, save

LABELS = ["insult", "threat"]


@pytest.fixture
def model(base_model):
    classifier = from_base_model(base_model, LABELS, models.Head(0.1, 16), 0.0, None)
    scores = ValidationScores(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(2))
    policy = make_policy(LABELS, np.array([0.4, 0.6]), np.array([0.8, 0.9]))
    tokenizer = models.load_tokenizer(base_model)
    return TrainedModel(classifier, tokenizer, None, None, policy, scores, {"steps": 7})


def test_everything_that_serves_is_written_and_replaces_what_was_there(model, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "old.py").write_text("")
    save(model, tmp_path)
    assert models.load(tmp_path)[0].labels == LABELS
    assert read_policy(tmp_path, LABELS).id == model.policy.id
    assert read_scores(tmp_path).truth.shape == (3, 2)
    assert json.loads((tmp_path / "training.json").read_text()) == {"steps": 7}
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert labels.keys() <= LabelsDocument.__annotations__.keys()
    assert not (tmp_path / "code" / "old.py").exists()
    assert not (tmp_path / "ngrams.json").exists()
    assert not (tmp_path / ".partial").exists()


def test_a_write_that_dies_leaves_nothing_that_looks_like_a_model(model, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "write_scores", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".partial"]


def test_the_code_is_the_serving_door_with_its_folders(tmp_path):
    copy_code(tmp_path / "code")
    folders = {path.parent.relative_to(tmp_path / "code").as_posix() for path in (tmp_path / "code").rglob("*.py")}
    assert folders == {".", "contract", "moderation", *SERVING_FOLDERS}
