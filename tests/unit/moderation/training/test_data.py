import shutil
from pathlib import Path

import pytest

from moderation.training.arguments import Channels
from moderation.training.data import read_data


def channels(dataset, validation=None):
    return Channels(dataset / "train", validation or dataset / "validation", Path("unused"), Path("unused"))


def test_validation_is_read_as_it_will_be_scored_and_train_as_it_was_written(dataset, tmp_path):
    data = read_data(channels(dataset), deobfuscate=True)
    plain = read_data(channels(dataset), deobfuscate=False)
    assert plain.deobfuscator is None
    assert data.train.texts == plain.train.texts
    assert data.validation.texts == [data.deobfuscator(text) for text in plain.validation.texts]
    assert (data.labels, data.lineage) == (["insult", "threat"], "0123456789abcdef")


def test_channels_of_two_datasets_are_refused(dataset, tmp_path):
    shutil.copytree(dataset / "validation", tmp_path / "other")
    (tmp_path / "other" / "labels.json").write_text('{"labels": ["spam", "threat"]}')
    with pytest.raises(ValueError, match="found other labels in the validation channel than in train"):
        read_data(channels(dataset, tmp_path / "other"), deobfuscate=True)
