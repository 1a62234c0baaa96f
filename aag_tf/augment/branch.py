"""What every branch shares: a layer that turns images and uniform numbers into views.

Random numbers are handed in rather than drawn inside, so that a view is a pure function of its image and its row of
uniform numbers: it does not matter in which batch, on which replica or after which interruption it is made.

What the fused branches are made of is `compiled` by XLA, once for each shape of a batch: written as many operations,
each a pass over memory, it becomes a few. Between two compiled functions a picture is written down, which keeps XLA
from computing it anew at every use.
"""

import functools
import json
import random
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aag_tf.augment import randomness
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.seeds import Seed

Images = Any  # a tensor, or a dict with one under "images"

# In what Keras writes of a layer: its history, and seeds, which it may have drawn and which decide no view of a run.
INCIDENTAL = ("name", "seed", "build_config", "build_input_shape", "compile_config")


def compiled(method: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Decorator of a branch's methods of tensors: XLA compiles them, unless the branch says not to."""
    by_xla = tf.function(method, jit_compile=True, autograph=False, reduce_retracing=True)

    @functools.wraps(method)
    def call(branch: "Branch", *tensors: tf.Tensor) -> tf.Tensor:
        return by_xla.__get__(branch, type(branch))(*tensors) if branch.jit_compile else method(branch, *tensors)

    return call


class Branch(keras.layers.Layer):
    """Base class of branches; a subclass gives `num_uniforms` and `transform`.

    Called on images, or on a dict with `"images"` whose other entries (labels, ...) are passed through untouched. All
    work is in float32 whatever the dtype policy, since half precision has too few gray levels to keep a picture.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255], 1 or 3 channels.
    Output: float32 `[batch, out_height, out_width, channels]` in [0, 255].

    Args:
        size: height and width of the views; `None` keeps the size of the images.
        seed: seed of the layer's own generator, which serves calls without a seed.
        jit_compile: whether XLA compiles the fused branches; where it cannot, they are slower without.
        **kwargs: of `keras.layers.Layer`; `dtype` has no effect.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] | None = None,
        seed: int | None = None,
        jit_compile: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("dtype", None)
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.built = True  # there are no weights to make
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ConfigError(f"size={size} is no height and width; give two whole numbers of at least 1.")
        self.jit_compile = jit_compile
        self.size = None if size is None else (int(size[0]), int(size[1]))
        # Drawn here, as Keras would, so that the layer's config repeats it.
        self.seed = random.randint(1, 10**9) if seed is None else seed
        self.generator = keras.random.SeedGenerator(self.seed)

    @property
    def num_uniforms(self) -> int:
        """How many uniform numbers decide one view."""
        raise NotImplementedError

    def transform(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """The views that these numbers decide.

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 255].
            uniforms: float32 `[batch, num_uniforms]` in [0, 1); a row decides the view of one image.

        Returns:
            float32 `[batch, out_height, out_width, channels]` in [0, 255].
        """
        raise NotImplementedError

    def draw(self, images: tf.Tensor, *, seed: Seed | tf.Tensor, step: int | tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """The views that (seed, step, row) decide.

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 255].
            seed: two int32 numbers.
            step: a scalar.
            row: integers `[batch]`, the place of each image in the global batch.

        Returns:
            float32 `[batch, out_height, out_width, channels]` in [0, 255].
        """
        seed, step, row = tf.convert_to_tensor(seed), tf.cast(step, tf.int64), tf.cast(row, tf.int64)
        return self.transform(tf.convert_to_tensor(images), self._numbers(seed, step, row))

    @compiled
    def _numbers(self, seed: tf.Tensor, step: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        return randomness.uniforms(seed, step, row, self.num_uniforms)

    def call(self, images: Images, seed: tf.Tensor | None = None, training: bool | None = True) -> Images:
        """Augments a batch.

        Args:
            images: a batch of images, or a dict with one under `"images"`.
            seed: two int32 numbers that decide everything; `None` draws the next from the layer's own generator.
            training: `False` only brings images to size and dtype.
        """
        if isinstance(images, dict):
            return {**images, "images": self.call(images["images"], seed=seed, training=training)}
        images = tf.convert_to_tensor(images)
        if training is False:
            return self.resized(images)
        if seed is None:
            seed = self.generator.next()
        return self.draw(images, seed=seed, step=0, row=tf.range(tf.shape(images)[0]))

    def resized(self, images: tf.Tensor) -> tf.Tensor:
        """Images as float32 at the size of the views, otherwise as they are."""
        images = tf.cast(images, tf.float32)
        height, width = self.output_size(images.shape)
        if (height, width) == tuple(images.shape[1:3]):
            return images
        return tf.image.resize(images, (height, width), antialias=True)

    def output_size(self, input_shape: Any) -> tuple[int, int]:
        """Height and width of the views of images of this shape."""
        return self.size or (input_shape[1], input_shape[2])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the views; of each entry where the input is a dict."""
        if isinstance(input_shape, dict):
            return {**input_shape, "images": self.compute_output_shape(input_shape["images"])}
        return (input_shape[0], *self.output_size(input_shape), input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "size": self.size, "seed": self.seed, "jit_compile": self.jit_compile}

    def describe(self) -> dict[str, Any]:
        """Class and arguments as JSON holds them: the same whenever a branch is built, and once it was used."""
        return strip_ignored_keys(json.loads(json.dumps(keras.saving.serialize_keras_object(self))))


def strip_ignored_keys(part: Any) -> Any:
    """What decides views of a layer's JSON: without seeds, names and what Keras adds once it has been called."""
    if isinstance(part, dict):
        return {name: strip_ignored_keys(value) for name, value in part.items() if name not in INCIDENTAL}
    if isinstance(part, list):
        return [strip_ignored_keys(entry) for entry in part if not (isinstance(entry, dict) and _is_input(entry))]
    return part


def _is_input(part: dict[str, Any]) -> bool:
    return part.get("class_name") == "InputLayer"
