import numpy as np

from moderation.metrics.scored import Scored


def test_a_score_at_its_threshold_is_a_decision_and_labels_have_their_places():
    scored = Scored(["b", "a"], np.array([[0.5, 0.2], [0.4, 0.3]]), np.array([0.5, 0.3]))
    assert scored.flags.tolist() == [[True, False], [False, True]]
    assert scored.columns(["a", "x", "b"]) == [2, 0]
