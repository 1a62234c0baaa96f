"""Base class of all branches: layers that turn images and uniform random numbers into views.

Random numbers are an argument, so that a view is a pure function of its image and its row of uniform numbers: batch,
replica and interruptions make no difference.

XLA compiles the methods of the fused branches that are decorated with `compiled`, once for each shape of a batch, and
so turns many passes over memory into a few. The result of each is written to memory, which stops XLA from computing it
again at every use.
"""

import functools
import json
import random
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment import randomness
from aag_tf.data.images.windows import Window, largest_centered
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.seeds import Seed

Images = Any  # a tensor, or a dict with a tensor under "images"

# Keys of a serialized layer that do not affect the views of a run: its history, and seeds, since a run has its own.
IGNORED_KEYS = ("name", "seed", "build_config", "build_input_shape", "compile_config")


def compiled(method: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Decorates a branch's method that takes tensors: XLA compiles it if the branch has `jit_compile` set."""
    by_xla = tf.function(method, jit_compile=True, autograph=False, reduce_retracing=True)

    @functools.wraps(method)
    def call(branch: "Branch", *tensors: tf.Tensor) -> tf.Tensor:
        return by_xla.__get__(branch, type(branch))(*tensors) if branch.jit_compile else method(branch, *tensors)

    return call


class Branch(keras.layers.Layer):
    """Base class of branches; a subclass defines `num_uniforms` and `transform`.

    Call it on images, or on a dict with `"images"` whose other entries (labels, ...) are passed through. It computes in
    float32 whatever the dtype policy, because half precision has too few gray levels for a picture.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255].
    Output: float32 `[batch, out_height, out_width, channels]` in [0, 255].

    Args:
        size: height and width of the views; `None` keeps the size of the images.
        seed: seed of the layer's own generator, which is used in calls without a seed; drawn at random if `None`.
        jit_compile: whether XLA compiles the fused branches; without it they are slower.
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
        self.built = True  # there are no weights to create
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ConfigError(f"size={size} is no height and width; give two whole numbers of at least 1.")
        self.jit_compile = jit_compile
        self.size = None if size is None else (int(size[0]), int(size[1]))
        # Drawn here, as Keras would, so that the layer's config repeats it.
        self.seed = random.randint(1, 10**9) if seed is None else seed
        self.generator = keras.random.SeedGenerator(self.seed)

    @property
    def num_uniforms(self) -> int:
        """Number of uniform random numbers that one view takes."""
        raise NotImplementedError

    def transform(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """Returns the views that these random numbers give.

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 255].
            uniforms: float32 `[batch, num_uniforms]` in [0, 1), one row per image.

        Returns:
            float32 `[batch, out_height, out_width, channels]` in [0, 255].
        """
        raise NotImplementedError

    def source_window(self, uniforms: tf.Tensor, aspect: tf.Tensor) -> Window:
        """Returns the part of each source picture that its view is made from, where views are cut from files.

        A branch that crops chooses its crop here, and `transform_crop` does the rest. Others get what an image in
        memory would be: the largest centered part of the aspect of a view.

        Args:
            uniforms: as for `transform`.
            aspect: width / height of the pictures relative to that of the views, float32 `[batch]`.
        """
        return largest_centered(aspect)

    def transform_crop(self, crops: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """Returns the views that these random numbers give, from the parts of pictures that `source_window` chose.

        Args:
            crops: `[batch, out_height, out_width, channels]`, uint8 or float in [0, 255].
            uniforms: as for `transform`.
        """
        return self.transform(crops, uniforms)

    def draw(
        self,
        images: tf.Tensor,
        *,
        seed: Seed | tf.Tensor,
        step: int | tf.Tensor,
        row: tf.Tensor,
        cropped: bool = False,
    ) -> tf.Tensor:
        """Returns the views that (seed, step, row) give.

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 255].
            seed: two int32 numbers.
            step: the optimizer step, an integer scalar.
            row: integers `[batch]`, the position of each image in the global batch.
            cropped: whether the images are already the parts that `source_window` chose by the same numbers.

        Returns:
            float32 `[batch, out_height, out_width, channels]` in [0, 255].
        """
        seed, step, row = tf.convert_to_tensor(seed), tf.cast(step, tf.int64), tf.cast(row, tf.int64)
        transform = self.transform_crop if cropped else self.transform
        return transform(tf.convert_to_tensor(images), self._numbers(seed, step, row))

    @compiled
    def _numbers(self, seed: tf.Tensor, step: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        return randomness.uniforms(seed, step, row, self.num_uniforms)

    @override
    def call(self, images: Images, seed: tf.Tensor | None = None, training: bool | None = True) -> Images:
        """Augments a batch.

        Args:
            images: a batch of images, or a dict with one under `"images"`.
            seed: two int32 numbers that decide the views; `None` takes the next seed of the layer's own generator.
            training: `False` only converts images to the size and dtype of views.
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
        """Returns images as float32 at the size of the views, without augmentation."""
        images = tf.cast(images, tf.float32)
        height, width = self.output_size(images.shape)
        if (height, width) == tuple(images.shape[1:3]):
            return images
        return tf.image.resize(images, (height, width), antialias=True)

    def output_size(self, input_shape: Any) -> tuple[int, int]:
        """Returns height and width of the views of images of this shape."""
        return self.size or (input_shape[1], input_shape[2])

    @override
    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            return {**input_shape, "images": self.compute_output_shape(input_shape["images"])}
        return (input_shape[0], *self.output_size(input_shape), input_shape[3])

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "seed": self.seed, "jit_compile": self.jit_compile}

    def describe(self) -> dict[str, Any]:
        """Returns class and arguments as JSON, without what differs between two equal branches (names, seeds)."""
        return strip_ignored_keys(json.loads(json.dumps(keras.saving.serialize_keras_object(self))))


def strip_ignored_keys(part: Any) -> Any:
    """Removes from a serialized layer what does not affect views: seeds, names and what Keras adds on a first call."""
    if isinstance(part, dict):
        return {name: strip_ignored_keys(value) for name, value in part.items() if name not in IGNORED_KEYS}
    if isinstance(part, list):
        return [strip_ignored_keys(entry) for entry in part if not (isinstance(entry, dict) and _is_input(entry))]
    return part


def _is_input(part: dict[str, Any]) -> bool:
    return part.get("class_name") == "InputLayer"
