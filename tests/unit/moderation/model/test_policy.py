import json

import numpy as np
import pytest

from moderation.model.policy import make_policy, read_policy, write_policy


def test_a_policy_is_named_by_its_thresholds(tmp_path):
    chosen = make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.9]))
    assert chosen.content()["labels"] == {"a": {"review": 0.25, "block": 0.75}, "b": {"review": 0.5, "block": 0.9}}
    assert chosen.id.startswith("p-")
    assert len(chosen.id) == 14
    assert make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.9])).id == chosen.id
    assert make_policy(["a", "b"], np.array([0.26, 0.5]), np.array([0.75, 0.9])).id != chosen.id
    assert make_policy(["a", "b"], np.array([0.25, 0.5]), np.array([0.75, 0.91])).id != chosen.id
    write_policy(chosen, tmp_path)
    found = read_policy(tmp_path, ["b", "a"])
    assert found.id == chosen.id
    assert found.review.tolist() == [0.5, 0.25]
    assert found.block.tolist() == [0.9, 0.75]


def test_a_policy_for_other_labels_is_refused(tmp_path):
    write_policy(make_policy(["a"], np.array([0.5]), np.array([0.5])), tmp_path)
    with pytest.raises(ValueError, match="found thresholds for a, expected one for each of a, b"):
        read_policy(tmp_path, ["a", "b"])
    with pytest.raises(ValueError, match=r"found no policy\.json"):
        read_policy(tmp_path / "absent", ["a"])
    (tmp_path / "policy.json").write_text(json.dumps({"id": "p-1", "labels": {"a": {"threshold": 0.5}}}))
    with pytest.raises(ValueError, match="found a label without review or block threshold"):
        read_policy(tmp_path, ["a"])
