import numpy as np
import pytest
from helpers.samples import write_split

from moderation.job.dataset import read_labels, read_lineage, read_split


def test_a_split_is_read_with_what_nobody_annotated(tmp_path):
    truth = np.array([[1, 0], [0, np.nan]], dtype=np.float32)
    write_split(tmp_path / "test", ["a", "b"], truth, ["x", "y"])
    split = read_split(tmp_path / "test", read_labels(tmp_path / "test"))
    assert (split.ids, split.texts) == (["test-0", "test-1"], ["a", "b"])
    np.testing.assert_array_equal(split.truth, truth)
    assert read_lineage(tmp_path / "test") == "0123456789abcdef"


def test_what_is_no_split_is_a_reason(tmp_path):
    with pytest.raises(ValueError, match=r"found no labels\.json, expected a prepared dataset"):
        read_labels(tmp_path)
    with pytest.raises(ValueError, match="found no Parquet file"):
        read_split(tmp_path, ["x"])
    write_split(tmp_path / "test", ["a"], np.zeros((1, 2), np.float32), ["x", "y"])
    with pytest.raises(ValueError, match=r"found label values of shape \(1, 2\), expected \(1, 1\)"):
        read_split(tmp_path / "test", ["x"])
