import numpy as np
import pytest

from aag_tf.config import DataConfig
from aag_tf.data import open_source
from aag_tf.data.sources.digits import load_digit_images
from aag_tf.data.sources.scattered_digits import CANVAS, SIDES, placement, scatter
from aag_tf.utils.errors import DataError


def test_placements_are_a_fixed_function_of_the_number():
    # Literal, because every published figure of the demo depends on them: side, top, left.
    assert [placement(number) for number in range(6)] == [
        (11, 1, 2),
        (11, 0, 5),
        (10, 5, 5),
        (8, 2, 4),
        (9, 5, 6),
        (11, 4, 5),
    ]


def test_sides_and_places_are_drawn_evenly_over_the_whole_canvas():
    sides, tops, lefts = np.array([placement(number) for number in range(1797)]).T
    assert np.bincount(sides)[list(SIDES)].min() > 400  # expected 449 of each, with a standard deviation of 18
    for side in SIDES:
        for starts in (tops[sides == side], lefts[sides == side]):
            assert set(starts) == set(range(CANVAS - side + 1))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.1


def test_a_digit_keeps_its_shape_at_its_place():
    digits, _ = load_digit_images()
    images = scatter(digits[:40])
    for number, (digit, image) in enumerate(zip(digits, images, strict=False)):
        side, top, left = placement(number)
        window = image[top : top + side, left : left + side, 0].astype(float)
        assert image.sum() == window.sum(), "ink only where the digit is"
        if side == 8:
            np.testing.assert_array_equal(window, digit[..., 0])
        # Bilinear interpolation by hand: centers of pixels correspond.
        at = np.clip((np.arange(side) + 0.5) * 8 / side - 0.5, 0, 7)
        low = np.minimum(at.astype(int), 6)
        weights = np.zeros((side, 8))
        weights[range(side), low], weights[range(side), low + 1] = 1 - (at - low), at - low
        np.testing.assert_allclose(window, weights @ digit[..., 0] @ weights.T, atol=2)


def test_splits_hold_the_same_digits_as_those_of_digits_and_none_twice():
    plain, scattered = open_source(DataConfig()), open_source(DataConfig(dataset="scattered_digits"))
    assert scattered.image_shape == (16, 16, 1)
    assert scattered.class_names == list("0123456789")
    digits, labels = load_digit_images()
    everything = scatter(digits)
    rows = {image.tobytes(): number for number, image in enumerate(everything)}
    assert len(rows) == 1797, "no two images are alike, so an image names its digit"
    seen: list[int] = []
    for role in ("train", "validation", "test"):
        of_plain, of_scattered = getattr(plain, role), getattr(scattered, role)
        numbers = [rows[image.tobytes()] for image in of_scattered.images.numpy(range(len(of_scattered)))]
        np.testing.assert_array_equal(digits[numbers], of_plain.images.numpy(range(len(of_plain))))
        np.testing.assert_array_equal(labels[numbers], of_scattered.labels)
        seen += numbers
    assert sorted(seen) == list(range(1797))


def test_at_another_size_and_with_something_after_the_name():
    assert open_source(DataConfig(dataset="scattered_digits", image_size=32)).image_shape == (32, 32, 1)
    with pytest.raises(DataError, match="nothing may follow scattered_digits; use --dataset=scattered_digits"):
        open_source(DataConfig(dataset="scattered_digits:16"))


def test_pixels_tell_digits_apart_where_they_are_centered_and_not_where_they_are_scattered():
    def image_rows(split):
        return split.images.numpy(range(len(split))).reshape(len(split), -1) / 255

    def accuracies(dataset):
        source = open_source(DataConfig(dataset=dataset))
        pixels = [image_rows(part) for part in (source.train, source.test)]
        (train, labels), (test, truth) = zip(pixels, (source.train.labels, source.test.labels), strict=True)
        constant = [np.append(part, np.ones((len(part), 1)), axis=1) for part in (train, test)]
        weights = np.linalg.lstsq(constant[0], np.eye(10)[labels])[0]
        nearest = ((train**2).sum(axis=1) - 2 * test @ train.T).argmin(axis=1)
        return (labels[nearest] == truth).mean(), ((constant[1] @ weights).argmax(axis=1) == truth).mean()

    neighbor, linear = accuracies("digits")
    assert neighbor > 0.95
    assert linear > 0.9
    neighbor, linear = accuracies("scattered_digits")
    assert neighbor < 0.75
    assert linear < 0.4
