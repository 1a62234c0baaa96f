"""The description of a custom encoder: what it stores, and what it leaves to the run."""

import copy

import keras
import numpy as np
import pytest

from aag_tf.encoders import describe_encoder, dtype_policy, encoder_from, finalize_normalization, has_fitted_layers
from aag_tf.utils.errors import ConfigError

SHAPE = (8, 8, 1)
layers = keras.layers


@keras.saving.register_keras_serializable("tests")
class Penalized(layers.Layer):
    def call(self, x, training=False):
        if training:
            self.add_loss(keras.ops.mean(x))
        return x


def small_encoder(*first):
    images = keras.Input(SHAPE)
    x = images
    for layer in first:
        x = layer(x)
    return keras.Model(images, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))


def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8).astype(np.float32)


def test_a_normalization_that_was_fitted_to_images_computes_with_what_it_saw():
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(pixels())
    model = small_encoder(normalization)
    again = encoder_from(describe_encoder(model, SHAPE))
    again.set_weights(model.get_weights())
    finalize_normalization(again)
    np.testing.assert_allclose(again(pixels()), model(pixels()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_layers_of_a_mixed_policy_take_that_of_the_run_and_others_keep_theirs(policy):
    with dtype_policy(policy):
        model = small_encoder(layers.Conv2D(3, 1, dtype="float32"))
    description = describe_encoder(model, SHAPE)
    before = copy.deepcopy(description)
    assert encoder_from(description)(pixels()).dtype == "float32"
    with dtype_policy("mixed_bfloat16"):
        first, *_, pooling = encoder_from(description).layers[1:]
    assert (first.compute_dtype, pooling.compute_dtype) == ("float32", "bfloat16")
    assert description == before


def custom_loss(truth, embeddings):
    return keras.ops.mean(embeddings - truth)


def test_what_it_was_compiled_with_is_no_part_of_it():
    model = small_encoder()
    plain = describe_encoder(model, SHAPE)
    model.compile("adam", loss=custom_loss)
    assert describe_encoder(model, SHAPE) == plain
    assert getattr(encoder_from(plain), "optimizer", None) is None


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: layers.Conv2D(3, 1, dtype="bfloat16"), "in bfloat16; build it with float32 weights"),
        (lambda: layers.Conv2D(3, 1, dtype="float64"), "in float64; build it with float32 weights"),
        (lambda: layers.Conv2D(3, 1, kernel_regularizer="l2"), r"has a regularizer \(.*kernel\).* set weight_decay"),
        (lambda: layers.Activation("relu", activity_regularizer="l1"), "has a regularizer"),
    ],
)
def test_regularizers_and_weights_that_are_not_float32_are_rejected(layer, words):
    with pytest.raises(ConfigError, match=words):
        describe_encoder(small_encoder(layer()), SHAPE)


def test_a_layer_that_adds_to_the_loss_is_refused():
    with pytest.raises(ConfigError, match=r"has a layer that calls add_loss.* build it without\."):
        describe_encoder(small_encoder(Penalized()), SHAPE)


def test_a_fitted_layer_is_found_in_a_description():
    fitted, given = layers.Normalization(axis=-1), layers.Normalization(axis=-1, mean=[1.0], variance=[4.0])
    fitted.adapt(pixels())
    found = [has_fitted_layers(describe_encoder(small_encoder(layer), SHAPE)) for layer in (fitted, given)]
    assert found == [True, False]
