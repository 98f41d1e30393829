import numpy as np

from moderation.evaluation.mistakes import worst_mistakes
from moderation.metrics.scored import Scored


def test_the_worst_are_those_furthest_from_the_truth_and_correct_decisions_are_none():
    truth = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 0], [0, 1]])
    probs = np.array([[0.1, 0.9], [0.8, 0.2], [0.9, 0.05], [0.99, 0.4], [0.2, 0.6]])
    found = worst_mistakes(Scored(["a", "b"], probs, np.array([0.5, 0.5])), list("pqrst"), truth)
    assert found == [
        {"id": "r", "label": "b", "truth": 1, "score": 0.05},
        {"id": "p", "label": "a", "truth": 1, "score": 0.1},
        {"id": "p", "label": "b", "truth": 0, "score": 0.9},
        {"id": "q", "label": "a", "truth": 0, "score": 0.8},
    ]


def test_each_label_gives_a_few_of_both_kinds():
    truth = np.repeat([[1.0], [0.0]], 20, axis=0)
    found = worst_mistakes(Scored(["a"], 1 - truth, np.array([0.5])), [str(row) for row in range(40)], truth)
    assert [item["truth"] for item in found].count(1) == [item["truth"] for item in found].count(0) == 3
