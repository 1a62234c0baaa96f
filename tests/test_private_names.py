"""What is used of Keras and TensorFlow beyond their documentation, each with what would break without it."""

import keras
import pytest
import tensorflow as tf


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        # Overridden: under another name Keras would build the model by a batch of its own again.
        (keras.Model, "_maybe_symbolic_build"),
        (keras.layers.Layer, "_flatten_layers"),
        (keras.optimizers.Optimizer, "_get_variable_index"),
        (tf.__internal__.distribute.interim, "maybe_merge_call"),
    ],
)
def test_a_private_name_that_is_relied_on_is_there(owner, name):
    assert callable(getattr(owner, name))


def test_a_seed_generator_can_be_led():
    generator = keras.random.SeedGenerator(5)
    generator.next = lambda ordered=True: tf.constant([1, 2], tf.uint32)
    first, again = (keras.random.uniform([3], seed=generator) for _ in range(2))
    assert (first.numpy() == again.numpy()).all()
