import tarfile
from dataclasses import replace

import pytest
from helpers.samples import archived

from moderation.evaluation.models import load_model, unpack, why_not_compared


@pytest.fixture(scope="module")
def candidate(served_model, tmp_path_factory):
    return archived(served_model, tmp_path_factory.mktemp("candidate") / "a")


@pytest.mark.parametrize(
    ("trained", "dataset_has", "compared"), [("a", "a", True), ("a", "b", False), (None, "b", True), ("a", None, True)]
)
def test_a_champion_of_another_split_may_have_learnt_the_test_rows(candidate, trained, dataset_has, compared):
    champion = replace(load_model(candidate, "champion"), lineage=trained)
    reason = why_not_compared(champion, ["insult"], dataset_has)
    assert (reason is None) == compared
    assert compared or "split anew" in reason


def test_an_archive_that_writes_outside_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with tarfile.open(tmp_path / "a" / "model.tar.gz", "w:gz") as archive:
        (tmp_path / "evil").write_text("x")
        archive.add(tmp_path / "evil", "../evil2")
    with pytest.raises(ValueError, match=r"candidate: found a damaged model\.tar\.gz \(OutsideDestinationError\)"):
        unpack(tmp_path / "a", tmp_path / "target", "candidate")
    assert not (tmp_path / "evil2").exists()


def test_a_cut_off_archive_is_a_reason(candidate, tmp_path):
    content = (candidate / "model.tar.gz").read_bytes()
    (tmp_path / "model.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"champion: found a damaged model\.tar\.gz"):
        unpack(tmp_path, tmp_path / "target", "champion")
