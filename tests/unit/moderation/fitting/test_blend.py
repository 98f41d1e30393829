import numpy as np
import pytest

from moderation.fitting.blend import USUAL_SHARE, choose_blend


def parts(rows, encoder_noise, ngram_noise, seed=1):
    """Truth and two parts' logits that know it more or less well; the n-grams speak on a scale of their own."""
    chance = np.random.default_rng(seed)
    truth = (chance.random((rows, 2)) < 0.3).astype(np.float32)
    encoder = truth * 4 - 3 + chance.normal(0, encoder_noise, truth.shape)
    return truth, encoder, (truth * 4 + chance.normal(0, ngram_noise, truth.shape)) * 0.1 + 7


def test_the_better_part_gets_the_larger_share():
    assert choose_blend(*parts(2000, 0.5, 4)).share > 0.7
    assert choose_blend(*parts(2000, 4, 0.5)).share < 0.3
    assert 0.4 < choose_blend(*parts(2000, 2, 2)).share < 0.65


def test_few_positives_hardly_move_the_share_from_the_usual_one():
    assert choose_blend(*parts(30, 0.1, 4)).share == pytest.approx(USUAL_SHARE, abs=0.1)


def test_the_blend_keeps_the_scale_of_the_encoder():
    truth, encoder, ngrams = parts(2000, 1, 1)
    mixed = choose_blend(truth, encoder, ngrams).mix(encoder, ngrams)
    assert mixed.mean(0) == pytest.approx(encoder.mean(0), abs=0.01)
    assert mixed.std(0) == pytest.approx(encoder.std(0), rel=0.15)


def test_ngrams_that_say_nothing_about_a_label_leave_it_to_the_encoder():
    truth, encoder, ngrams = parts(200, 1, 1)
    ngrams[:, 1] = -5
    mixed = choose_blend(truth, encoder, ngrams).mix(encoder, ngrams)
    assert np.corrcoef(mixed[:, 1], encoder[:, 1])[0, 1] == pytest.approx(1)


def test_labels_and_rows_without_an_annotation_count_for_nothing():
    truth, encoder, ngrams = parts(500, 1, 1)
    other = truth.copy()
    other[:, 1] = np.nan
    assert choose_blend(other, encoder, ngrams).share == choose_blend(truth[:, :1], encoder[:, :1], ngrams[:, :1]).share
    assert choose_blend(truth * np.nan, encoder, ngrams).share == pytest.approx(USUAL_SHARE)
