"""Encoders and projector: shapes, value range, size rules, and errors that say what to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import EncoderConfig, ProjectorConfig
from aag_tf.encoders import build_encoder, build_projector
from aag_tf.utils.errors import ConfigError


def images(shape, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("config", "shape", "features"),
    [
        (EncoderConfig("tiny"), (8, 8, 1), 128),
        (EncoderConfig("tiny", width=2.0), (32, 32, 3), 256),
        (EncoderConfig("resnet18", width=0.25), (32, 32, 3), 128),
        (EncoderConfig("resnet34", width=0.125), (28, 30, 1), 64),
        (EncoderConfig("resnet50", width=0.125), (32, 32, 3), 256),
        (EncoderConfig("resnet18", width=0.125), (96, 96, 3), 64),
        (EncoderConfig("MobileNetV3Small"), (32, 32, 3), 576),
        (EncoderConfig("tiny", embedding_grid=3), (28, 28, 1), 9 * 128),
        (EncoderConfig("MobileNetV3Small", embedding_grid=2), (64, 64, 3), 4 * 576),
        (EncoderConfig("tiny", width=0.25), (16, 40, 5), 32),
        (EncoderConfig("resnet18", width=0.125), (40, 96, 13), 64),
        (EncoderConfig("MobileNetV3Small", embedding_grid=2), (64, 96, 5), 4 * 576),
    ],
)
def test_embeds_uint8_images_to_finite_distinct_float32_with_synchronized_batch_norm(config, shape, features):
    encoder = build_encoder(config, shape)
    embedding = encoder(images(shape), training=False)
    assert embedding.shape == (2, features)
    assert embedding.dtype == tf.float32
    assert np.isfinite(embedding).all()
    assert np.any(embedding[0] != embedding[1])
    norms = [layer for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) > 5
    assert all(layer.synchronized for layer in norms)


def test_published_sizes():
    # Parameters of the CIFAR variants without a classifier, as published implementations count them.
    shape = (32, 32, 3)
    trainable = {
        name: sum(int(np.prod(weight.shape)) for weight in build_encoder(EncoderConfig(name), shape).trainable_weights)
        for name in ("resnet18", "resnet34", "resnet50")
    }
    assert trainable == {"resnet18": 11_168_832, "resnet34": 21_276_992, "resnet50": 23_500_352}


@pytest.mark.parametrize(("grid", "cells"), [(1, [(0, 4)]), (2, [(0, 2), (2, 4)]), (3, [(0, 2), (1, 3), (2, 4)])])
def test_embedding_is_the_averages_of_a_grid_of_the_last_feature_map(grid, cells):
    encoder = build_encoder(EncoderConfig("tiny", width=0.25, embedding_grid=grid), (32, 32, 3))
    last = encoder.get_layer("cells" if grid > 1 else "embedding").input
    pixels = images((32, 32, 3))
    features = keras.Model(encoder.input, last)(pixels).numpy()
    assert features.shape == (2, 4, 4, 32)
    wanted = [features[:, top:bottom, left:right].mean((1, 2)) for top, bottom in cells for left, right in cells]
    np.testing.assert_allclose(encoder(pixels), np.concatenate(wanted, axis=1), rtol=1e-5, atol=1e-6)


def test_stem_follows_the_image_size():
    def resolution_after_stem(shape, stem):
        encoder = build_encoder(EncoderConfig("resnet18", width=0.125, stem=stem), shape)
        return encoder.get_layer("stage1_block1_add").output.shape[1]

    assert resolution_after_stem((64, 64, 3), "auto") == 64
    assert resolution_after_stem((96, 96, 3), "auto") == 24
    assert resolution_after_stem((48, 96, 3), "auto") == 12
    assert resolution_after_stem((24, 96, 3), "auto") == 24  # too low for the ImageNet stem
    assert resolution_after_stem((64, 64, 3), "imagenet") == 16


def test_uint8_and_float_images_embed_alike():
    encoder = build_encoder(EncoderConfig("tiny"), (16, 16, 3))
    pixels = images((16, 16, 3))
    np.testing.assert_array_equal(encoder(pixels), encoder(pixels.astype("float32")))


def test_embedding_of_an_image_does_not_depend_on_its_batch():
    encoder = build_encoder(EncoderConfig("tiny"), (16, 16, 3))
    pixels = images((16, 16, 3), 5)
    np.testing.assert_allclose(encoder(pixels)[:2], encoder(pixels[:2]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "shape", "words"),
    [
        (EncoderConfig("resnet81"), (32, 32, 3), ["resnet81", "did you mean", "resnet18"]),
        (EncoderConfig("zzz"), (32, 32, 3), ["zzz", "choose tiny"]),
        (EncoderConfig("tiny"), (4, 4, 1), ["4x4", "--image_size=8"]),
        (EncoderConfig("resnet18", stem="imagenet"), (28, 28, 1), ["28x28", "--image_size=32."]),
        (EncoderConfig("resnet18", stem="imagenet"), (28, 100, 1), ["28x100", "--image_size=32x100."]),
        (EncoderConfig("tiny"), (4, 100, 5), ["4x100", "small stem", "--image_size=8x100."]),
        (EncoderConfig("InceptionV3"), (32, 32, 3), ["InceptionV3", "--image_size"]),
        (EncoderConfig("MobileNetV3Small", width=2.0), (32, 32, 3), ["--width=2"]),
        (EncoderConfig("tiny", embedding_grid=3), (8, 8, 1), ["--embedding_grid=3", "2x2", "at most 2"]),
        (EncoderConfig("MobileNetV3Small", embedding_grid=2), (32, 32, 3), ["--embedding_grid=2", "1x1"]),
    ],
)
def test_refusals_say_what_to_do(config, shape, words):
    with pytest.raises(ConfigError) as refusal:
        build_encoder(config, shape)
    assert all(word in str(refusal.value) for word in words)


@pytest.mark.parametrize(
    ("depth", "batch_norm", "layers", "dim"), [(0, True, 0, 12), (1, True, 1, 6), (2, True, 2, 6), (3, False, 3, 6)]
)
def test_projector_depth_counts_dense_layers(depth, batch_norm, layers, dim):
    config = ProjectorConfig(projector_depth=depth, projector_width=9, projector_dim=6, projector_batch_norm=batch_norm)
    projector = build_projector(config, 12)
    kinds = [type(layer).__name__ for layer in projector.layers]
    assert kinds.count("Dense") == layers
    assert kinds.count("BatchNorm") == (max(layers - 1, 0) if batch_norm else 0)
    assert projector.output_shape == (None, dim)


def test_mixed_precision_ends_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = build_encoder(EncoderConfig("tiny"), (16, 16, 3))
        projector = build_projector(ProjectorConfig(), 128)
    finally:
        keras.config.set_dtype_policy("float32")
    assert encoder.get_layer("stem").compute_dtype == "bfloat16"
    embedding = encoder(images((16, 16, 3)))
    assert embedding.dtype == tf.float32
    assert projector(embedding).dtype == tf.float32


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0"])  # the first one divides by 255 itself
def test_keras_applications_see_images_from_minus_one_to_one(name):
    encoder = build_encoder(EncoderConfig(name), (32, 32, 3))
    backbone = next(layer for layer in encoder.layers if isinstance(layer, keras.Model))
    first = next(layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D))
    entry = keras.Model(backbone.input, first.input)
    x = np.array([0.0, 255.0], "float32")[:, None, None, None] * np.ones((1, 32, 32, 3), "float32")
    for layer in encoder.layers[1:]:
        if layer is backbone:
            break
        x = layer(x)
    seen = entry(x).numpy()[:, 8, 8]
    np.testing.assert_allclose(seen, [[-1.0] * 3, [1.0] * 3], atol=1e-5)


def test_a_model_that_normalizes_its_average_keeps_to_that():
    embedding = build_encoder(EncoderConfig("ConvNeXtTiny"), (64, 64, 3))(images((64, 64, 3))).numpy()
    np.testing.assert_allclose(embedding.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(embedding.std(axis=1), 1, atol=0.05)
