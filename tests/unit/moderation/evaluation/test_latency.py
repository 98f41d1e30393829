import pytest

from moderation.evaluation.latency import measure, sample


class Clock:
    """Time that passes only where a scorer spends it."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def scorer(self, name, fixed, each):
        def score(texts):
            self.calls.append((name, len(texts)))
            self.now += fixed + each * len(texts)

        return score


def test_each_scorer_is_timed_alone_and_in_turns():
    clock = Clock()
    scorers = {"a": clock.scorer("a", 0.004, 0.001), "b": clock.scorer("b", 0.008, 0.002)}
    found = measure(scorers, ["x"] * 10, clock)
    assert found["a"]["p50_milliseconds"] == pytest.approx(5)
    assert found["b"]["p95_milliseconds"] == pytest.approx(10)
    assert found["a"]["texts_per_second"] == pytest.approx(10 / 0.014)
    timed = [name for name, count in clock.calls[4:] if count == 1]
    assert timed == ["a", "b"] * 10


def test_the_sample_spans_all_lengths_and_does_not_depend_on_the_order():
    texts = ["x" * length for length in range(1, 1001)]
    found = sample(texts, 5)
    assert found == sample(texts[::-1], 5)
    assert (len(found), len(found[0]), len(found[-1])) == (5, 1, 1000)
    assert sample(["b", "a"], 64) == ["a", "b"]
