import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.rows.near_duplicates import Signatures, band_width, signatures
from moderation.rows.row import normalised

TEXTS = st.text(min_size=1, max_size=40).map(normalised).filter(bool)


def sentences(count, words=20, seed=1):
    chance = random.Random(seed)  # noqa: S311
    return [" ".join("".join(chance.choices("abcdefghijkl", k=6)) for _ in range(words)) for _ in range(count)]


def similarity(one, other):
    """The share of 4-character sequences in common, counted one by one."""

    def sequences(text):
        letters = "".join(character for character in text if character.isalnum()) or text
        return {(letters + "\n\n\n")[start : start + 4] for start in range(len(letters))}

    return len(sequences(one) & sequences(other)) / len(sequences(one) | sequences(other))


def clusters(directory, texts, threshold=0.8, rows=None):
    found = Signatures(directory / f"signatures-{threshold}", threshold)
    for text in texts:
        found.add(text)
    found.finish()
    return found.clusters(np.arange(len(texts)) if rows is None else rows)


def test_the_share_of_equal_minima_estimates_the_similarity():
    texts = sentences(40)
    for kept in (19, 17, 14, 10):
        others = [" ".join(text.split()[:kept]) for text in texts]
        estimates = (signatures(texts) == signatures(others)).mean(axis=1)
        truth = np.mean([similarity(one, other) for one, other in zip(texts, others, strict=True)])
        assert estimates.mean() == pytest.approx(truth, abs=0.03)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_a_signature_depends_on_its_own_text_alone(texts):
    together = signatures(texts)
    assert together.shape == (len(texts), 128)
    for text, found in zip(texts, together, strict=True):
        assert (signatures([text])[0] == found).all()


def test_punctuation_and_space_do_not_count_unless_there_is_nothing_else():
    assert (signatures(["get out, now!!!"]) == signatures(["get out now"])).all()
    assert not (signatures(["!!!"]) == signatures(["???"])).all()
    emoji = [character for character in "😀😡🔥" if unicodedata.category(character) == "So"]
    assert len(np.unique(signatures(emoji), axis=0)) == 3


def test_nearly_equal_texts_share_a_cluster_and_others_do_not(tmp_path):
    texts = sentences(1500)
    near = [f"{text} indeed" for text in texts]
    found, loosened = clusters(tmp_path, texts + near)
    assert (found[:1500] == found[1500:]).all()
    assert np.bincount(found).max() == 2
    assert loosened == 0


def test_a_chain_of_similar_texts_is_one_cluster(tmp_path):
    words = sentences(1, 60)[0].split()
    chain = [" ".join(words[start : start + 40]) for start in range(0, 20, 2)]
    assert similarity(chain[0], chain[-1]) < 0.5
    found, _ = clusters(tmp_path, [*chain, *sentences(200, seed=9)])
    assert len(set(found[:10].tolist())) == 1


def test_a_template_that_fills_the_data_is_held_together_by_a_higher_similarity_only(tmp_path):
    start = sentences(1, 40)[0]
    texts = [f"{start} {end}" for end in sentences(100, 3, seed=2)] + sentences(300, seed=3)
    found, loosened = clusters(tmp_path, texts)
    assert loosened == 100
    assert np.bincount(found).max() <= 40


def test_rows_that_are_not_asked_for_connect_nobody(tmp_path):
    words = sentences(1, 120)[0].split()
    chain = [" ".join(words[start : start + 80]) for start in (0, 6, 12)]
    assert similarity(chain[0], chain[2]) < 0.75
    assert len(set(clusters(tmp_path, chain)[0].tolist())) == 1
    (tmp_path / "again").mkdir()
    assert len(set(clusters(tmp_path / "again", chain, rows=np.array([0, 2]))[0].tolist())) == 2


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_nearly_every_pair_at_the_threshold_meets_in_a_band(threshold):
    width = band_width(threshold)
    assert 1 - (1 - threshold**width) ** (128 // width) >= 0.995
    assert width >= 2
