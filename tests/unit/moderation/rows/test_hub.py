import pytest

from contract.data.section import DataConfig
from moderation.rows.hub import read_hub
from moderation.rows.row import Rejections


def test_the_hub_is_asked_for_the_pinned_revision_and_its_class_names(monkeypatch):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "hate"])})
    train = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    asked = []

    def load_dataset(name, configuration, revision, streaming):
        asked.append((name, revision))
        return {"train": train.to_iterable_dataset()}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    config = DataConfig(source="hub:team/set@abc", class_field="label", classes={"hate": "hate_speech"})
    found = list(read_hub(config.source, config, Rejections(config.bad_rows)))
    assert asked == [("team/set", "abc")]
    assert [row.positive for row in found] == [{"hate_speech"}, frozenset()]
    assert found[1].place == "hub:team/set@abc/train, row 2"


def test_the_hub_out_of_reach_is_a_reason_not_a_traceback(monkeypatch):
    import datasets

    def load_dataset(name, configuration, revision, streaming):
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    config = DataConfig(source="hub:team/set@abc", labels_field="labels")
    with pytest.raises(ValueError, match="found ConnectionError while asking the Hub"):
        list(read_hub(config.source, config, Rejections(config.bad_rows)))


def test_configuration_and_splits_of_a_hub_dataset_can_be_named(monkeypatch):
    import datasets

    asked = []

    def load_dataset(name, configuration, revision, streaming):
        asked.append(configuration)
        rows = {split: datasets.Dataset.from_dict({"text": [split], "labels": [["x"]]}) for split in ("train", "test")}
        return {split: dataset.to_iterable_dataset() for split, dataset in rows.items()}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    named = {"source": "hub:team/set@abc", "labels_field": "labels", "hub_config": "simplified"}
    config = DataConfig(**named, hub_splits=("test",))
    assert [row.text for row in read_hub(config.source, config, Rejections(config.bad_rows))] == ["test"]
    assert asked == ["simplified"]
    config = DataConfig(**named, hub_splits=("dev",))
    with pytest.raises(ValueError, match="found no split dev in hub:team/set@abc, expected some of train, test"):
        list(read_hub(config.source, config, Rejections(config.bad_rows)))


def test_a_dataset_that_is_made_by_a_script_is_told_the_way_out(monkeypatch):
    import datasets

    def load_dataset(name, configuration, revision, streaming):
        raise RuntimeError("Dataset scripts are no longer supported, but found set.py")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    config = DataConfig(source="hub:team/set@abc", labels_field="labels")
    with pytest.raises(ValueError, match="refs/convert/parquet"):
        list(read_hub(config.source, config, Rejections(config.bad_rows)))
