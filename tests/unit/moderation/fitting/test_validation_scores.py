import numpy as np
import pytest

from moderation.fitting.validation_scores import ValidationScores, read_scores, write_scores


def test_scores_are_read_as_they_were_written_and_their_absence_is_a_reason(tmp_path):
    with pytest.raises(ValueError, match=r"found no validation_scores\.safetensors, expected a model that train\.py"):
        read_scores(tmp_path)
    truth = np.array([[1, np.nan]], dtype=np.float32)
    write_scores(ValidationScores(truth, np.array([[0.25, 0.5]]), np.array([0.1, 0.2])), tmp_path)
    scores = read_scores(tmp_path)
    np.testing.assert_array_equal(scores.truth, truth)
    assert scores.probs.tolist() == [[0.25, 0.5]]
    assert scores.prevalence == pytest.approx([0.1, 0.2])
