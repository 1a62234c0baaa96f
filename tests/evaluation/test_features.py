"""Features: every image once, in order, whatever the batch; pixels as they are, or averaged where there are many."""

import keras
import numpy as np
import tensorflow as tf

from aag_tf.config import EncoderConfig
from aag_tf.data import ArrayImages, Split
from aag_tf.encoders import build_encoder
from aag_tf.evaluation import centered_pixels, embed, raw_pixels


def pictures(count=23, shape=(8, 8, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def test_embeds_every_image_in_order_whatever_the_batch():
    array = pictures()
    encoder = build_encoder(EncoderConfig("tiny", width=0.25), (8, 8, 3))
    expected = encoder(array, training=False).numpy()
    assert np.abs(np.diff(expected, axis=0)).max() > 1e-3
    for batch_size in (1, 7, 23, 100):
        features = embed(encoder, ArrayImages(array), batch_size)
        assert features.dtype == np.float32
        np.testing.assert_allclose(features, expected, atol=1e-5)


def test_a_keras_model_is_called_for_inference():
    dropout = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dropout(0.9)])
    array = pictures()
    np.testing.assert_array_equal(embed(dropout, ArrayImages(array)), array.reshape(23, -1))


def test_half_precision_comes_back_as_float32():
    features = embed(lambda images: tf.cast(images[:, 0, 0], tf.bfloat16), ArrayImages(pictures()), 5)
    assert features.dtype == np.float32
    assert features.shape == (23, 3)


def test_raw_pixels_are_the_pixels():
    array = pictures(shape=(32, 20, 1))
    features = raw_pixels(ArrayImages(array), 5)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, array.reshape(23, -1))


def test_centered_pixels_have_the_mean_of_the_images_to_learn_from_as_their_origin():
    bank, others = pictures(shape=(32, 20, 1)), pictures(5, (32, 20, 1))
    centered = centered_pixels(Split(ArrayImages(bank), None))
    mean = bank.reshape(23, -1).astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(centered(ArrayImages(others)), others.reshape(5, -1) - mean, atol=1e-3)


def test_raw_pixels_of_large_images_are_averaged_down():
    array = pictures(3, (64, 96, 3))
    features = raw_pixels(ArrayImages(array))
    means = array.astype(np.float64).reshape(3, 32, 2, 32, 3, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(features, means.reshape(3, -1), atol=1e-3)
