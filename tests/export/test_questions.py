"""What a verification asks: pictures whose size is exact to bring, and values between and beyond the levels."""

import io

import numpy as np
import pytest
from PIL import Image

from aag_tf.data.files.reading import Reading
from aag_tf.export.questions import DAMAGED, Asker

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 6, 10, 1), np.uint8)


def asker(reading, max_pixels=10_000, images=IMAGES):
    return Asker(images, reading, max_pixels)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_files_are_damaged_plain_of_another_shape_and_deep(fit):
    (question,) = asker(Reading(value_range=(0.0, 4095.0), fit=fit)).ask("embed_bytes")
    damaged, *files = question.inputs
    assert damaged == DAMAGED
    opened = [Image.open(io.BytesIO(file)) for file in files]
    assert [picture.size == (10, 6) for picture in opened] == [True] * 3 + [False] * 2 + [True] * 3
    assert [picture.mode for picture in opened] == ["L"] * 5 + ["I;16"] * 3
    np.testing.assert_array_equal(question.pixels[:3], IMAGES)
    others = question.pixels[3:5]
    if fit == "crop":
        np.testing.assert_array_equal(others, IMAGES[[0, 0]])
    elif fit == "pad":
        assert (others[0, 1:4] == IMAGES[0, :3]).all()
        assert not others[0, [0, 4, 5]].any()
    else:
        np.testing.assert_array_equal(others[0], np.repeat(IMAGES[0, :, :1], 10, axis=1))
    # The deep ones hold numbers between those of eight bits.
    assert np.abs(question.pixels[5:].astype(int) - IMAGES).max() == 1


def test_values_go_beyond_the_range_and_lie_between_levels():
    first, *others = asker(Reading(value_range=(-1000.0, 3000.0))).ask("embed_values")
    assert first.inputs.dtype == np.float32
    assert first.inputs.min() < -1000
    assert first.inputs.max() > 3000
    assert {question.inputs.shape[1:3] for question in others} == {(10, 10), (6, 14)}
    for question in others:
        np.testing.assert_array_equal(question.pixels, first.pixels[:1])


def test_images_that_the_model_would_refuse_are_not_asked():
    assert [len(question.inputs) for question in asker(Reading()).ask("embed_images")] == [3, 3]
    assert [len(question.inputs) for question in asker(Reading(), max_pixels=60).ask("embed_images")] == [3]
    (question,) = asker(Reading(), max_pixels=60).ask("embed_bytes")
    assert len(question.pixels) == 3
    assert [question.inputs is IMAGES for question in asker(Reading()).ask("project")] == [True]
