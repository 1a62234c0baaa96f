"""Cutting views out of pictures and JPEG files: which pixels they show, and what is decoded for it."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.data.images.cropping import SHRINKS_MUCH, crop_jpeg, crop_picture, scale
from aag_tf.data.images.windows import Window, in_pixels, largest_centered


def photograph(height, width):
    """A smooth color pattern, which JPEG keeps well."""
    y, x = np.mgrid[:height, :width]
    bands = [128 + 100 * np.sin(x / 23), 128 + 100 * np.cos(y / 17), (x + y) / (height + width) * 255]
    return np.stack(bands, axis=-1).astype(np.uint8)


def jpeg(pixels, **options):
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=95, **options)
    return tf.constant(held.getvalue())


def windows(*sides):
    """Windows of (top, left, height, width)."""
    return Window(*(tf.constant(side, tf.float32) for side in zip(*sides, strict=True)))


def test_windows_in_pixels():
    window = Window(*(tf.constant([side]) for side in (0.25, 0.5, 0.5, 0.25)))
    assert in_pixels(window, 100, 40).numpy().tolist() == [[25, 20, 75, 30]]


@pytest.mark.parametrize(("top", "height"), [(0.999, 0.0001), (1.0, 0.0), (0.0, 1.0000001)])
def test_a_window_has_pixels_and_stays_inside(top, height):
    window = Window(*(tf.constant([side]) for side in (top, 0.0, height, 1.0)))
    (box,) = in_pixels(window, 7, 5).numpy()
    assert 0 <= box[0] < box[2] <= 7
    assert (box[1], box[3]) == (0, 5)


@pytest.mark.parametrize(
    ("aspect", "expected"), [(1.0, [0, 0, 1, 1]), (2.0, [0, 0.25, 1, 0.5]), (0.5, [0.25, 0, 0.5, 1])]
)
def test_largest_centered_part(aspect, expected):
    assert [float(side) for side in largest_centered(tf.constant(aspect))] == expected


def test_crops_show_their_windows():
    picture = photograph(40, 60)
    views = crop_picture(tf.constant(picture), windows((0.25, 0.5, 0.5, 0.5), (0.0, 0.0, 0.5, 0.5)), [(20, 30)] * 2)
    np.testing.assert_array_equal(views, [picture[10:30, 30:60], picture[:20, :30]])


def test_a_smaller_view_is_the_mean_of_its_pixels():
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    expected = picture.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    assert np.abs(scale(tf.constant(picture), (4, 6)).numpy() - expected).max() <= 0.5


def test_a_larger_view_is_bilinear():
    picture = np.array([[[0.0], [100.0]]], np.uint8)
    assert scale(tf.constant(picture), (1, 4)).numpy()[0, :, 0].tolist() == [0, 25, 75, 100]


def bilinear(picture, size):
    """Looks at four pixels a new one, however much it shrinks."""
    return tf.raw_ops.ResizeBilinear(images=picture[np.newaxis], size=size, half_pixel_centers=True)[0]


def area(picture, size):
    """The mean over the area of each new pixel."""
    return tf.raw_ops.ResizeArea(images=picture[np.newaxis], size=size)[0]


@pytest.mark.parametrize(
    ("height", "width", "chosen"), [(96, 96, bilinear), (97, 97, area), (97, 64, area), (64, 96, bilinear)]
)
def test_a_view_is_a_mean_where_either_side_shrinks_by_more_than_a_half(height, width, chosen):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert SHRINKS_MUCH * 64 == 96
    both = {way: np.round(way(picture, (64, 64))) for way in (bilinear, area)}
    assert np.abs(both[bilinear] - both[area]).mean() > 1
    np.testing.assert_array_equal(scale(tf.constant(picture), (64, 64)), both[chosen])


def distance_to_lanczos(way, ratio, size=224):
    """Root mean square difference of levels to Pillow's filter, over six parts of the photographs of scikit-learn."""
    from sklearn.datasets import load_sample_images

    side, found = round(ratio * size), []
    for photograph in load_sample_images().images:
        for left in (0, (photograph.shape[1] - side) // 2, photograph.shape[1] - side):
            part = np.ascontiguousarray(photograph[:side, left : left + side])
            wanted = np.asarray(Image.fromarray(part).resize((size, size), Image.Resampling.LANCZOS), np.float32)
            found.append(np.sqrt(np.mean((np.round(way(part, (size, size))) - wanted) ** 2)))
    return np.mean(found)


def test_the_way_that_is_chosen_is_nearer_to_an_ideal_filter_or_as_near():
    near, far = (
        {way: distance_to_lanczos(way, ratio) for way in (bilinear, area)}
        for ratio in (SHRINKS_MUCH - 0.25, SHRINKS_MUCH + 0.25)
    )
    assert near[bilinear] < near[area]
    assert far[area] < 0.8 * far[bilinear]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_file_gives_the_crops_of_its_picture(channels):
    contents = jpeg(photograph(90, 120))
    whole = tf.io.decode_jpeg(contents, channels=channels, dct_method="INTEGER_ACCURATE")
    chosen = windows((0.1, 0.2, 0.5, 0.3), (0.4, 0.1, 0.6, 0.9))
    views = crop_jpeg(contents, channels, chosen, [(32, 32)] * len(chosen.top)).numpy().astype(int)
    # Chroma at the border of what is decoded is interpolated without its neighbors.
    assert np.abs(views - crop_picture(whole, chosen, [(32, 32)] * len(chosen.top))).mean() < 0.1
    assert np.abs(views - crop_picture(whole, chosen, [(32, 32)] * len(chosen.top))).max() <= 6


@pytest.mark.parametrize(("size", "ratio"), [(8, 8), (16, 4), (33, 1), (32, 2), (64, 1)])
def test_large_jpeg_files_are_decoded_reduced_where_every_view_keeps_its_pixels(size, ratio):
    contents = jpeg(photograph(131, 171))
    chosen = windows((0.0, 0.0, 1.0, 1.0), (0.25, 0.25, 0.5, 0.5))  # the smaller one has 65 rows and 85 columns
    reduced = tf.io.decode_jpeg(contents, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")
    views = crop_jpeg(contents, 3, chosen, [(size, size)] * len(chosen.top))
    np.testing.assert_array_equal(views, crop_picture(reduced, chosen, [(size, size)] * len(chosen.top)))


def test_a_damaged_file_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        crop_jpeg(tf.constant(b"\xff\xd8\xff\xe0 no picture"), 3, windows((0.0, 0.0, 1.0, 1.0)), [(8, 8)])
