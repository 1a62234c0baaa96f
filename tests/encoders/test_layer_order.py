"""Layers from the images on: freezing the first ones, and rates that fall towards them."""

import keras
import numpy as np
import pytest

from aag_tf.config import EncoderConfig
from aag_tf.encoders import build_encoder
from aag_tf.encoders.layer_order import freeze, layers_in_order, rate_factors
from aag_tf.utils.errors import ConfigError

SHAPE = (16, 16, 3)


def tiny():
    return build_encoder(EncoderConfig("tiny", width=0.25), SHAPE)


def weighted(network):
    return [layer for layer in layers_in_order(network) if layer.weights]


def trained(network):
    return [layer.name for layer in weighted(network) if layer.trainable]


def test_up_to_a_layer_all_before_it_are_frozen():
    encoder = tiny()
    freeze(encoder, "stage1_block1_add")  # which has no weights itself
    frozen = [layer.name for layer in weighted(encoder) if not layer.trainable]
    assert {name.partition("_")[0] for name in frozen} == {"stem", "stage1"}
    assert {name.partition("_")[0] for name in trained(encoder)} == {"stage2", "stage3"}
    assert not any(weight.path.startswith(("stem", "stage1")) for weight in encoder.trainable_weights)


@pytest.mark.parametrize(("share", "frozen"), [(0.1, 2), (0.5, 9), (0.99, 18)])
def test_a_share_counts_the_layers_with_weights(share, frozen):
    encoder = tiny()
    assert len(weighted(encoder)) == 18  # stem, three blocks of two convolutions, two shortcuts, each with its norm
    before = trained(encoder)
    freeze(encoder, share)
    assert trained(encoder) == before[frozen:]


def test_frozen_batch_normalization_keeps_and_uses_its_statistics():
    pixels = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype(np.float32)
    encoder = tiny()
    stem = keras.Model(encoder.input, encoder.get_layer("stem_relu").output)
    freeze(encoder, "stem_relu")
    before = encoder.get_layer("stem_norm").get_weights()
    expected = stem(pixels, training=False).numpy()
    np.testing.assert_allclose(stem(pixels, training=True), expected, rtol=1e-5, atol=1e-5)
    encoder(pixels, training=True)
    for weight, kept in zip(encoder.get_layer("stem_norm").get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert np.any(encoder.get_layer("stage2_block1_conv1_norm").moving_mean != 0)


def test_layers_of_a_model_within_are_known_by_their_names():
    encoder = build_encoder(EncoderConfig("MobileNetV2"), (32, 32, 3))
    freeze(encoder, "block_5_add")
    assert not encoder.get_layer("mobilenetv2_1.00_32").get_layer("block_5_expand").trainable
    assert trained(encoder)[0] == "block_6_expand"


def test_an_unknown_layer_is_refused_with_near_ones():
    with pytest.raises(ConfigError, match=r"--freeze_until=stage1_block2_add is no layer .*stage1_block1_add"):
        freeze(tiny(), "stage1_block2_add")


def test_rates_fall_by_groups_of_layers_towards_the_images():
    encoder = tiny()
    factors = dict(zip([weight.path for weight in encoder.trainable_weights], rate_factors(encoder, 0.5), strict=True))
    assert factors["stem/kernel"] == factors["stem_norm/gamma"] == 0.5**11
    assert sorted(set(factors.values())) == [0.5**exponent for exponent in range(11, -1, -1)]
    in_order = [factors[layer.trainable_weights[0].path] for layer in weighted(encoder)]
    assert in_order == sorted(in_order)
    assert in_order[-1] == 1.0


def test_few_layers_are_a_group_each_and_frozen_ones_have_no_rate():
    layers = [keras.layers.Dense(2, name=f"dense{number}") for number in range(3)]
    network = keras.Sequential([keras.Input((4,)), *layers])
    assert rate_factors(network, 0.5) == [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    freeze(network, "dense0")
    assert rate_factors(network, 0.5) == [0.5, 0.5, 1.0, 1.0]
    assert rate_factors(network, 1.0) == [1.0] * 4
