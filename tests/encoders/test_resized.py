"""Encoders over views of another size: the same weights, the same function, and moving statistics that stay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import EncoderConfig
from aag_tf.encoders import build_encoder, embed_apart, encoder_of_views, plain_encoder
from aag_tf.utils.errors import ConfigError

VIEWS = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)


def values(variables):
    return [tf.convert_to_tensor(variable).numpy() for variable in variables]


@pytest.mark.parametrize(
    ("config", "full", "size"),
    [
        (EncoderConfig("resnet18", width=0.125), 32, (16, 16)),
        (EncoderConfig("resnet18", width=0.125, embedding_grid=2), 32, (16, 20)),
        (EncoderConfig("VGG16"), 64, (32, 32)),
    ],
    ids=["resnet", "grid", "application"],
)
def test_equals_the_encoder_that_is_built_for_that_size(config, full, size):
    encoder = build_encoder(config, (full, full, 3))
    found = encoder_of_views(encoder, config, size)
    assert list(map(id, found.weights)) == list(map(id, encoder.weights))
    reference = build_encoder(config, (*size, 3))
    reference.set_weights(encoder.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3))
    np.testing.assert_allclose(found(images), reference(images), rtol=1e-4, atol=1e-5)
    assert float(tf.math.reduce_std(found(images))) > 0


def test_the_encoder_itself_stays_as_it_was():
    config = EncoderConfig("tiny", width=0.25)
    encoder = build_encoder(config, (32, 32, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    before, description = encoder(images), encoder.get_config()
    encoder_of_views(encoder, config, (16, 16))
    assert encoder.get_config() == description
    np.testing.assert_array_equal(encoder(images), before)
    np.testing.assert_allclose(plain_encoder(encoder)(images), before, rtol=1e-4, atol=1e-5)


def custom(*last):
    layers = keras.layers
    body = keras.Sequential([keras.Input((32, 32, 4)), layers.BatchNormalization(), layers.Conv2D(6, 3, 2)])
    inputs = keras.Input((32, 32, 3))
    x = layers.Concatenate()([inputs, layers.Lambda(lambda x: x[..., :1])(inputs)])
    x = body(layers.Dropout(0.5, seed=3)(x))
    for layer in last or (layers.GlobalAveragePooling2D(),):
        x = layer(x)
    return keras.Model(inputs, x, name="custom")


def flattened(*last):
    return custom(keras.layers.Flatten(), *last)


def test_statistics_of_small_views_are_used_and_do_not_move_while_dropout_goes_on():
    encoder = custom()
    small = encoder_of_views(encoder, EncoderConfig("own"), (16, 16))
    statistics = [each for each in encoder.non_trainable_variables if each.dtype == "float32"]
    seeds = [each for each in encoder.non_trainable_variables if each.dtype != "float32"]
    assert (len(statistics), len(seeds)) == (2, 1)
    before, drawn = values(statistics), values(seeds)
    first = embed_apart(small, VIEWS, training=True)
    np.testing.assert_array_equal(values(statistics), before)
    assert not np.array_equal(values(seeds), drawn)
    again = embed_apart(small, VIEWS, training=True)
    assert not np.array_equal(first, again)  # other units are dropped
    small(VIEWS, training=True)
    assert not np.array_equal(values(statistics), before)


def test_batch_normalization_normalizes_by_the_small_views_themselves():
    config = EncoderConfig("tiny", width=0.25)
    small = encoder_of_views(build_encoder(config, (32, 32, 3)), config, (16, 16))
    expected = small(VIEWS * 0.5, training=True)
    moved = embed_apart(small, VIEWS * 0.5, training=True)
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(small(VIEWS * 0.5, training=False) - expected).max() > 1e-2


@pytest.mark.parametrize(
    ("config", "encoder", "size", "words"),
    [
        (EncoderConfig("resnet18", stem="imagenet", width=0.125), 64, (24, 24), ["stem", "--aux_size=32 or more"]),
        (EncoderConfig("tiny", embedding_grid=4), 32, (16, 16), ["--embedding_grid=4 is finer", "larger --aux_size"]),
        (EncoderConfig("VGG16"), 32, (16, 16), ["the encoder vgg16 cannot take auxiliary views of 16x16", "larger"]),
        (EncoderConfig("own"), flattened, (16, 16), ["custom", "in place of 1350", "pooling"]),
        (EncoderConfig("own"), lambda: flattened(keras.layers.Dense(3)), (16, 16), ["custom cannot take", "16x16"]),
    ],
    ids=["stem", "grid", "application", "flatten", "dense"],
)
def test_what_cannot_take_small_views_is_refused_in_a_sentence(config, encoder, size, words):
    encoder = build_encoder(config, (encoder, encoder, 3)) if isinstance(encoder, int) else encoder()
    with pytest.raises(ConfigError) as refusal:
        encoder_of_views(encoder, config, size)
    message = str(refusal.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
