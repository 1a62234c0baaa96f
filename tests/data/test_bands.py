"""Which bands stand for an image in pictures, and what is said of them."""

import numpy as np
import pytest

from aag_tf.data import choose_bands
from aag_tf.utils.errors import DataError


@pytest.mark.parametrize(
    ("channels", "wanted", "bands", "caption"),
    [
        (1, None, (1,), ""),
        (3, None, (1, 2, 3), ""),
        (3, "3,2,1", (1, 2, 3), ""),  # RGB is shown as it is
        (2, None, (1,), "pictures show band 1 of 2 as gray (--shown_bands)"),
        (2, "2,1,2", (2, 1, 2), "pictures show bands 2, 1 and 2 of 2 as red, green and blue (--shown_bands)"),
        (4, None, (1, 2, 3), "pictures show bands 1, 2 and 3 of 4 as red, green and blue (--shown_bands)"),
        (13, "4,3,2", (4, 3, 2), "pictures show bands 4, 3 and 2 of 13 as red, green and blue (--shown_bands)"),
    ],
)
def test_the_bands_that_are_shown(channels, wanted, bands, caption):
    chosen = choose_bands(channels, wanted)
    assert (chosen.bands, chosen.caption) == (bands, caption)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, channels), np.uint8)
    shown = chosen.picture(images)
    np.testing.assert_array_equal(shown, images[..., [band - 1 for band in bands]])
    np.testing.assert_array_equal(chosen.picture(images[0]), shown[0])  # of one image as of many
    if chosen.is_whole:
        assert chosen.rgb is None
    else:
        colors = np.broadcast_to(shown, (*shown.shape[:-1], 3))
        np.testing.assert_array_equal(images[..., list(chosen.rgb)], colors)


def test_a_band_that_images_do_not_have_is_refused():
    with pytest.raises(DataError) as refusal:
        choose_bands(4, "5,3,2")
    assert str(refusal.value) == (
        "--shown_bands=5,3,2 names band 5, and the images have 4; choose three numbers from 1 to 4."
    )
