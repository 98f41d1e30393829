from contract.dataset.manifest import MANIFEST_FILE, SPLITS, Manifest


def test_a_manifest_names_what_a_published_dataset_has():
    assert MANIFEST_FILE == "manifest.json"
    assert SPLITS == ("train", "validation", "test")
    assert {"dataset_version", "lineage", "rows", "labels", "files", "source", "split"} == Manifest.__required_keys__
