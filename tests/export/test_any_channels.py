"""Signatures of encoders of any shape and any number of channels: which there are, and which pixels they see."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import ExportConfig, TrainConfig
from aag_tf.data.files.reading import Reading
from aag_tf.export.signatures import Networks, build_signatures
from aag_tf.preflight.export import choose_signatures
from aag_tf.runs import RunRecord
from aag_tf.utils.errors import ExportError

TWELVE_BITS = Reading(value_range=(0.0, 4095.0))
MAX_PIXELS = 10_000


def config(signatures=None):
    return ExportConfig(run_dir="run", export_dir="served", signatures=signatures)


def record(channels, reading=Reading()):  # noqa: B008  frozen
    return RunRecord(config=TrainConfig(), image_shape=(8, 8, channels), reading=reading)


@pytest.mark.parametrize(
    ("channels", "reading", "names"),
    [
        (1, Reading(), ["serving_default", "embed_bytes", "embed_images"]),
        (3, TWELVE_BITS, ["serving_default", "embed_bytes", "embed_images", "embed_values"]),
        (2, Reading(), ["serving_default", "embed_images"]),
        (5, TWELVE_BITS, ["serving_default", "embed_images", "embed_values"]),
    ],
)
def test_by_default_an_export_has_what_the_images_allow(channels, reading, names):
    assert list(choose_signatures(config(), record(channels, reading))) == names
    asked = config("project,serving_default,embed_images")
    assert choose_signatures(asked, record(channels, reading)) == ("serving_default", "project", "embed_images")


def test_a_signature_that_the_images_do_not_allow_is_refused_with_what_is_left():
    with pytest.raises(ExportError) as refusal:
        choose_signatures(config("serving_default,embed_bytes,embed_images"), record(5))
    assert str(refusal.value) == (
        "--signatures=embed_bytes: JPEG, PNG, GIF and WebP files hold 1 or 3 channels, and the run's images 5; export "
        "with --signatures=serving_default,embed_images."
    )
    with pytest.raises(ExportError) as refusal:
        choose_signatures(config("serving_default,embed_values"), record(3))
    assert str(refusal.value) == (
        "--signatures=embed_values: the run's images are 8-bit, and have no other range of values; export with "
        "--signatures=serving_default."
    )


def pixels_of(image_shape, reading, name):
    """The signature over an encoder that gives its pixels; returns a function to uint8 [n, *image_shape]."""
    dim = math.prod(image_shape)

    def flatten(images):
        assert images.dtype == tf.uint8
        return tf.reshape(tf.cast(images, tf.float32), [-1, dim])

    networks = Networks(flatten, tf.identity, image_shape, dim, dim, MAX_PIXELS, reading)
    signature = build_signatures([name], networks)[name]
    call = tf.function(signature.function, input_signature=[signature.inputs])
    return lambda batch: call(tf.constant(batch))["embedding"].numpy().reshape(-1, *image_shape).astype(np.uint8)


def test_values_become_pixels_by_the_range_and_are_rounded_once():
    read = pixels_of((2, 4, 1), Reading(value_range=(-1000.0, 3000.0)), "embed_values")
    values = np.array([-2000, -1000, -992.2, -992, 0, 2999, 3000, np.inf], np.float32).reshape(1, 2, 4, 1)
    # A level is 4000 / 255 = 15.69 wide, so that half a level above the lowest value is -992.16.
    assert read(values).ravel().tolist() == [0, 0, 0, 1, 64, 255, 255, 255]
    assert read(np.full((1, 2, 4, 1), np.nan, np.float32)).max() == 0
    # Two rounded halves would give 1; the mean of 0.25 and 0.25 levels is none.
    quarter = np.full((1, 4, 8, 1), -1000 + 0.4 * 4000 / 255, np.float32)
    quarter[:, :, ::2] = -1000 + 0.7 * 4000 / 255
    assert set(read(quarter)[0, :, 1:3].ravel().tolist()) == {1}


@pytest.mark.parametrize("channels", [2, 5])
def test_many_channels_are_padded_stretched_or_cropped_inside_the_graph(channels):
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 8, channels), np.uint8)
    padded = pixels_of((8, 8, channels), Reading(fit="pad"), "embed_images")(image)
    np.testing.assert_array_equal(padded[:, 2:6], image)
    assert not padded[:, [0, 1, 6, 7]].any()
    cropped = pixels_of((4, 4, channels), Reading(), "embed_images")(image)
    np.testing.assert_array_equal(cropped, image[:, :, 2:6])
    stretched = pixels_of((8, 8, channels), Reading(fit="stretch"), "embed_images")(np.repeat(image[:, :1], 4, axis=1))
    np.testing.assert_array_equal(stretched, np.repeat(image[:, :1], 8, axis=1))
    values = (image * (4095 / 255)).astype(np.float32)
    deep = pixels_of((8, 8, channels), dataclasses.replace(TWELVE_BITS, fit="pad"), "embed_values")(values)
    np.testing.assert_array_equal(deep, padded)
