import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.data.splitting import FREE, RowsToSplit, stratified_split

FRACTIONS = (0.65, 0.1, 0.25)
LABELS = ("common", "often", "rare")


def corpus(count=400, shares=(0.5, 0.2, 0.03), seed=1):
    """(rows, labels) bool, and the keys of the rows."""
    chance = np.random.default_rng(seed)
    return chance.random((count, len(shares))) < shares, chance.integers(0, 2**63, (count, 2), dtype=np.uint64)


def split(truth, keys, clusters=None, earlier=None):
    positive, combination = np.unique(truth, axis=0, return_inverse=True)
    clusters = np.arange(len(truth)) if clusters is None else clusters
    earlier = np.full(len(truth), FREE, np.int8) if earlier is None else earlier
    return stratified_split(RowsToSplit(positive, combination.ravel(), keys, clusters, earlier), FRACTIONS)


def test_each_split_gets_its_share_of_every_label():
    truth, keys = corpus()
    found = split(truth, keys)
    for label in range(truth.shape[1]):
        for number, fraction in enumerate(FRACTIONS):
            assert abs(truth[found == number, label].sum() - fraction * truth[:, label].sum()) <= 2
    assert np.bincount(found).tolist() == pytest.approx([260, 40, 100], abs=4)


def test_a_label_with_five_rows_lands_in_every_split():
    truth, keys = corpus(205, (0.0, 0.0))
    truth[:, 0] = True
    truth[200:, 1] = True
    counts = np.bincount(split(truth, keys)[truth[:, 1]])
    assert counts.min() >= 1
    assert counts[0] == 3


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(40)))
def test_the_order_of_the_rows_changes_nothing(order):
    truth, keys = corpus(40)
    clusters = np.arange(40) // 2
    found = split(truth, keys, clusters)
    shuffled = np.array(order)
    renamed = np.random.default_rng(len(order)).permutation(20)[clusters]
    assert (split(truth[shuffled], keys[shuffled], renamed[shuffled]) == found[shuffled]).all()


def test_other_keys_give_another_split():
    truth, keys = corpus()
    assert (split(truth, keys) != split(truth, corpus(seed=2)[1])).any()


def test_rows_of_a_cluster_share_a_split_and_the_shares_still_hold():
    truth, keys = corpus(2000)
    chance = random.Random(3)  # noqa: S311
    clusters = np.array([chance.randrange(700) for _ in range(2000)])
    found = split(truth, keys, clusters)
    for cluster in range(700):
        assert len(set(found[clusters == cluster].tolist())) <= 1
    for label in range(truth.shape[1]):
        for number, fraction in enumerate(FRACTIONS):
            assert abs(truth[found == number, label].sum() - fraction * truth[:, label].sum()) <= 4


def test_earlier_rows_stay_and_free_rows_make_up_for_them():
    truth, keys = corpus(1000)
    earlier = np.full(1000, FREE, np.int8)
    earlier[:300] = 0  # far more train rows than a fair split has
    earlier[300:310] = 2
    found = split(truth, keys, earlier=earlier)
    assert (found[:310] == earlier[:310]).all()
    assert np.bincount(found).tolist() == pytest.approx([650, 100, 250], abs=4)
    for label in range(truth.shape[1]):
        for number, fraction in enumerate(FRACTIONS):
            assert abs(truth[found == number, label].sum() - fraction * truth[:, label].sum()) <= 3


def test_a_split_that_has_too_much_already_gets_nothing_new():
    truth, keys = corpus(100)
    earlier = np.full(100, FREE, np.int8)
    earlier[:80] = 2
    assert 2 not in split(truth, keys, earlier=earlier)[80:]
