import pytest

from release.aws.waiting import Clock, spoken_seconds, wait_for


def test_the_first_true_value_ends_the_wait(fake_time):
    values = [None, "", "there", "later"]
    clock = Clock(fake_time.clock, fake_time.sleep)
    assert wait_for(lambda: values.pop(0), 30, 2, clock) == "there"
    assert fake_time.sleeps == [2, 2]


def test_a_wait_ends_at_its_limit_and_not_before(fake_time):
    assert wait_for(lambda: None, 5, 2, Clock(fake_time.clock, fake_time.sleep)) is None
    assert fake_time.now == 6


def test_what_is_there_needs_no_wait_however_short_the_limit(fake_time):
    assert wait_for(lambda: 1, 0, 2, Clock(fake_time.clock, fake_time.sleep)) == 1
    assert fake_time.sleeps == []


@pytest.mark.parametrize(("seconds", "words"), [(9.9, "9 s"), (75, "1 m 15 s"), (7260, "2 h 1 m")])
def test_seconds_are_spoken(seconds, words):
    assert spoken_seconds(seconds) == words
