import pytest

from moderation.evaluation.data import read_data


def test_a_dataset_is_read_with_our_own_cases_and_further_ones(dataset, tmp_path):
    suite = tmp_path / "more.csv"
    suite.write_text("functionality,case_id,test_case,label_gold\nderog,1,you fool,hateful\n")
    alone, more = read_data(dataset, []), read_data(dataset, [suite])
    assert len(more.cases) == len(alone.cases) + 1
    assert more.cases[-1].group == "derog"
    assert [len(split.ids) for split in (alone.train, alone.validation, alone.test)] == [96, 48, 64]
    assert (alone.version, alone.lineage) == ("0123456789abcdef", None)


def test_a_directory_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"found no manifest\.json, expected a prepared dataset"):
        read_data(tmp_path, [])
