"""A branch made of Keras or keras-cv layers, for transforms that the fused branches do not have."""

import contextlib
import itertools
import types
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment.branch import Branch
from aag_tf.utils.errors import ConfigError

SEED_NUMBERS = 2  # uniform numbers that form the seed of a view
SEED_STEPS = 2**24  # uniform numbers are multiples of 2⁻²⁴


@keras.saving.register_keras_serializable(package="aag_tf")
class LayersBranch(Branch):
    """Applies image layers in order, as `keras.Sequential` does, and returns views of one size.

        >>> branch = LayersBranch([keras.layers.RandomRotation(0.1), keras.layers.RandomErasing(value_range=(0, 255))])
        >>> branch(tf.zeros([8, 32, 32, 3], tf.uint8), seed=[1, 2]).shape
        TensorShape([8, 32, 32, 3])

    Whether its views repeat from a seed depends on how the layers draw random numbers:

    - Keras's layers, and any others that hold a `keras.random.SeedGenerator`, are seeded from the batch, so that a step
      repeats, also after an interruption. They draw for a whole batch, so that another number of replicas gives other
      views. With `per_image=True` they run on each image separately, which is slower; then a view is a function of its
      image and random numbers alone, as for the fused branches.
    - Layers with other generators (keras-cv's) keep drawing from these, and their views do not repeat.

    Input and output: see `Branch`. Layers get float32 in [0, 255]; their result is clipped to that range, and resized
    if it does not have the size of the views.

    Args:
        layers: layers that take and return `[batch, height, width, channels]`; called with `training=True`.
        per_image: run the layers on each image separately.
        **kwargs: of `Branch`.

    Raises:
        ConfigError: `layers` is not a list of Keras layers.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], *, per_image: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(layers, keras.layers.Layer) or not all(isinstance(one, keras.layers.Layer) for one in layers):
            raise ConfigError("layers must be a list of Keras layers; put a single layer into a list.")
        # Hidden from Keras in a namespace: `fit` would call a model symbolically while a layer in it is not built, and
        # these build themselves. Their only state are seed generators, so there is nothing to save.
        self._hidden = types.SimpleNamespace(layers=list(layers))
        self.per_image = per_image
        self._layers_are_built = False

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The layers in the order in which they are applied."""
        return self._hidden.layers

    @property
    @override
    def num_uniforms(self) -> int:
        return SEED_NUMBERS

    @override
    def transform(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        seeds = tf.cast(uniforms * SEED_STEPS, tf.int32)
        shape = (*self.output_size(images.shape), images.shape[3])
        if not self._layers_are_built:
            # On the first call Keras runs layers that contain layers once more, which would draw random numbers.
            with tf.init_scope():
                self._apply(tf.zeros([1, *images.shape[1:]]), tf.zeros([2], tf.int32))
            self._layers_are_built = True
        if not self.per_image:
            return tf.reshape(self._apply(images, seeds[0]), [-1, *shape])  # one seed for the whole batch
        return tf.map_fn(
            lambda one: self._apply(one[0][None], one[1])[0],
            (images, seeds),
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )

    def _apply(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        views = tf.cast(images, tf.float32)
        with _seeded(self.layers, seed):
            for layer in self.layers:
                views = layer(views, training=True)
        views = tf.clip_by_value(tf.cast(views, tf.float32), 0.0, 255.0)
        height, width = self.output_size(images.shape)
        return views if tuple(views.shape[1:3]) == (height, width) else tf.image.resize(views, (height, width))

    @override
    def get_config(self) -> dict[str, Any]:
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.layers]
        return {"layers": layers, "per_image": self.per_image, **super().get_config()}

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "LayersBranch":
        layers = [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]
        return cls(**{**config, "layers": layers})


@contextlib.contextmanager
def _seeded(layers: Sequence[keras.layers.Layer], seed: tf.Tensor) -> Iterator[None]:
    """Makes all seed generators of these layers count up from `seed` instead of from their state.

    Their state is a variable, which parallel calls in `tf.data` would share.
    """
    generators = list(_generators(layers, {}))
    count = itertools.count()

    def draw(ordered: bool = True) -> tf.Tensor:
        # Both numbers of the seed are below SEED_STEPS, so that no two draws of a view have the same seed.
        return tf.cast(seed + tf.constant([0, SEED_STEPS]) * next(count), generators[0].state.dtype)

    for generator in generators:
        generator.next = draw
    try:
        yield
    finally:
        for generator in generators:
            del generator.next


def _generators(thing: Any, seen: dict[int, Any]) -> Iterator[keras.random.SeedGenerator]:
    """Yields all seed generators in nested layers; `seen` holds the visited objects by their id."""
    if id(thing) in seen:
        return
    if isinstance(thing, keras.random.SeedGenerator):
        seen[id(thing)] = thing
        yield thing
    elif isinstance(thing, keras.layers.Layer):
        seen[id(thing)] = thing
        yield from _generators(vars(thing), seen)
    elif isinstance(thing, dict | list | tuple):
        seen[id(thing)] = thing
        for part in list(thing.values() if isinstance(thing, dict) else thing):
            yield from _generators(part, seen)
