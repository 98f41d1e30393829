from moderation.training.best import Best, after_epoch


def test_an_epoch_is_the_best_until_a_later_one_is_at_least_as_good():
    first = after_epoch(None, 10, 0.5)
    assert first == Best(10, 0.5)
    worse = after_epoch(first, 20, 0.4)
    assert worse == Best(10, 0.5, waited=1)
    assert after_epoch(worse, 30, 0.3) == Best(10, 0.5, waited=2)
    assert after_epoch(worse, 30, 0.5) == Best(30, 0.5)
    assert after_epoch(first, 20, None) == Best(10, 0.5, waited=1)
