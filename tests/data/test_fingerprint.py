"""Fingerprints tell apart the same pixels, the same pictures from another decoder, and other pictures."""

import numpy as np

from aag_tf.data import ArrayImages, fingerprint, same_pictures, same_pixels

PIXELS = np.random.default_rng(0).integers(0, 250, (200, 12, 10, 3), np.uint8)


def of(pixels):
    return fingerprint(ArrayImages(pixels))


def test_a_fingerprint_is_of_number_shape_pixels_and_order():
    assert of(PIXELS) == of(PIXELS.copy())
    others = [PIXELS[:-1], PIXELS[::-1], PIXELS + np.uint8(1), PIXELS.reshape(200, 10, 12, 3)]
    assert len({of(PIXELS), *map(of, others)}) == 5


def test_pictures_are_the_same_where_a_decoder_gives_slightly_other_pixels():
    noise = np.random.default_rng(1).integers(0, 6, PIXELS.shape, np.uint8)
    assert same_pictures(of(PIXELS), of(PIXELS + noise))
    moved = PIXELS.copy()
    moved[:20] = moved[1:21]  # one was taken away early on, and the others moved up
    for other in (moved, PIXELS[::-1], PIXELS[..., :1]):
        assert not same_pictures(of(PIXELS), of(other))


def test_an_old_fingerprint_without_cell_levels_matches_any_picture():
    before = of(PIXELS).partition(":")[0]
    assert same_pictures(before, of(PIXELS[::-1]))
    assert same_pixels(before, of(PIXELS))
    assert not same_pixels(before, of(PIXELS[::-1]))
