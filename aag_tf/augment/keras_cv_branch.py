"""Both branches built from keras-cv's layers: the reference that the fused branches are compared with.

keras-cv processes many operations image by image and draws from its own generators, so these branches are slow and
their views do not repeat from (seed, step, row). This is the only module here that imports keras-cv.
"""

import math
from typing import Any

import keras
import keras_cv
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment import main_branch
from aag_tf.augment.auxiliary_branch import AuxiliaryBranch
from aag_tf.augment.branch import Branch
from aag_tf.augment.main_branch import MainBranch
from aag_tf.augment.photometric import GRAY
from aag_tf.utils.errors import ConfigError

VALUE_RANGE = (0, 255)


class LogUniform(keras_cv.core.FactorSampler):
    """Draws numbers from `1 / largest` to `largest` whose logarithm is uniform."""

    def __init__(self, largest: float) -> None:
        self.largest = largest

    @override
    def __call__(self, shape: Any = (), dtype: str = "float32") -> tf.Tensor:
        limit = math.log(self.largest)
        return tf.exp(tf.random.uniform(shape, -limit, limit, dtype))


class Saturation(keras_cv.core.FactorSampler):
    """Draws keras-cv's saturation `x` such that the factor `x / (1 - x)` is uniform in `1 ± change`."""

    def __init__(self, change: float) -> None:
        self.change = change

    @override
    def __call__(self, shape: Any = (), dtype: str = "float32") -> tf.Tensor:
        factor = tf.random.uniform(shape, 1.0 - self.change, 1.0 + self.change, dtype)
        return factor / (1.0 + factor)


class Sometimes(keras.layers.Layer):
    """Applies a layer to a random share of the images.

    keras-cv's `RandomApply` uses a Python `if`, which needs AutoGraph, and processes image by image.
    """

    def __init__(self, layer: keras.layers.Layer, rate: float) -> None:
        super().__init__(dtype="float32")
        self.layer = layer
        self.rate = rate

    @override
    def call(self, images: tf.Tensor, training: bool = True) -> tf.Tensor:
        chosen = tf.random.uniform([tf.shape(images)[0], 1, 1, 1]) < self.rate
        return tf.where(chosen, tf.cast(self.layer(images, training=training), tf.float32), images)


class SquareCutout(keras_cv.layers.RandomCutout):
    """keras-cv's cutout with squares instead of rectangles; `height_factor` is a share of the shorter side."""

    @override
    def get_random_transformation_batch(
        self, batch_size: Any, images: tf.Tensor, **kwargs: Any
    ) -> dict[str, tf.Tensor]:
        drawn = super().get_random_transformation_batch(batch_size, images, **kwargs)
        height = drawn["rectangles_height"]
        side = self.height_factor(tf.shape(height)) * float(min(images.shape[1:3]))
        side = tf.cast(tf.round(side), height.dtype)
        return {**drawn, "rectangles_height": side, "rectangles_width": side}


@keras.saving.register_keras_serializable(package="aag_tf")
class KerasCVMainBranch(MainBranch):
    """`MainBranch` built from keras-cv's layers; saturation and hue in HSV, clipped after every step.

    Args:
        size: height and width of the views; required.
        channels: channels of the images, 1 or 3.
        **kwargs: of `MainBranch`.
    """

    def __init__(self, *, size: tuple[int, int], channels: int = 3, **kwargs: Any) -> None:
        super().__init__(size=size, **kwargs)
        if channels not in (1, 3):
            raise ConfigError(f"channels={channels} is neither gray nor color; give 1 or 3.")
        self.channels = channels
        self.steps = self._make_layers()

    @property
    @override
    def num_uniforms(self) -> int:
        return 0  # keras-cv draws its own

    # keras-cv crops by its own numbers.
    source_window = Branch.source_window
    transform_crop = Branch.transform_crop

    @override
    def transform(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        views = tf.cast(images, tf.float32)
        for layer in self.steps:
            views = layer(views, training=True)
        return tf.reshape(tf.cast(views, tf.float32), [-1, *self.output_size(images.shape), self.channels])

    def _make_layers(self) -> list[keras.layers.Layer]:
        crop = keras_cv.layers.RandomCropAndResize(
            target_size=self.size,
            crop_area_factor=(self._smallest_crop(), 1.0),
            aspect_ratio_factor=LogUniform(main_branch.MAX_ASPECT),
        )
        flip = [keras_cv.layers.RandomFlip("horizontal", rate=main_branch.FLIP_PROBABILITY)] if self.flip else []
        return [crop, *flip, *self._jitter(), *self._grayscale(), *self._blur()]

    def _jitter(self) -> list[keras.layers.Layer]:
        strength = self.color_strength
        if strength == 0.0:
            return []
        brightness, contrast = strength * main_branch.BRIGHTNESS, strength * main_branch.CONTRAST
        if self.channels == 3:
            jitter = keras_cv.layers.RandomColorJitter(
                VALUE_RANGE,
                brightness_factor=(-brightness, brightness),
                contrast_factor=(contrast, contrast),
                saturation_factor=Saturation(strength * main_branch.SATURATION),
                hue_factor=(0.0, 2.0 * strength * main_branch.HUE),  # keras-cv's unit is half a turn
            )
        else:
            jitter = keras.Sequential(
                [
                    keras_cv.layers.RandomBrightness((-brightness, brightness), VALUE_RANGE),
                    keras_cv.layers.RandomContrast(VALUE_RANGE, (contrast, contrast)),
                ]
            )
        return [Sometimes(jitter, rate=main_branch.JITTER_PROBABILITY)]

    def _grayscale(self) -> list[keras.layers.Layer]:
        if self.channels == 1 or self.grayscale_probability == 0.0:
            return []
        return [Sometimes(keras_cv.layers.Grayscale(3), rate=self.grayscale_probability)]

    def _blur(self) -> list[keras.layers.Layer]:
        assert self.size is not None  # the constructor requires it
        share = self._blur_share(*self.size)
        if share == 0.0:
            return []
        kernel = 2 * math.ceil(3.0 * main_branch.BLUR_SIGMA[1]) + 1
        blur = keras_cv.layers.RandomGaussianBlur(kernel, factor=main_branch.BLUR_SIGMA)
        return [Sometimes(blur, rate=share)]

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="aag_tf")
class KerasCVAuxiliaryBranch(AuxiliaryBranch, KerasCVMainBranch):
    """`AuxiliaryBranch` built from keras-cv's layers, with its `RandAugment` for the preset `randaugment`.

    Args:
        preset: a key of `PRESETS`.
        strength: as for `AuxiliaryBranch`; RandAugment's magnitude is half of it, so that 1 is keras-cv's default.
        size: height and width of the views; required.
        **kwargs: of `KerasCVMainBranch`.
    """

    num_uniforms = KerasCVMainBranch.num_uniforms
    source_window = KerasCVMainBranch.source_window
    transform = KerasCVMainBranch.transform
    transform_crop = KerasCVMainBranch.transform_crop

    @override
    def _make_layers(self) -> list[keras.layers.Layer]:
        if self.strength == 0.0:
            return super()._make_layers()
        return [*super()._make_layers(), *self._operations(), *self._cutout()]

    def _operations(self) -> list[keras.layers.Layer]:
        settings = self.settings
        if settings.choose is not None:
            if self.channels == 1:
                raise ConfigError(
                    f"keras-cv's RandAugment takes color images only; use --augment_impl=fused for --aux={self.preset} "
                    "on gray images."
                )
            magnitude = min(0.5 * self.strength, 1.0)
            return [keras_cv.layers.RandAugment(VALUE_RANGE, settings.choose, magnitude, rate=1.0)]
        layers = [
            _layer_of(name, min(largest * self.strength, _LIMITS.get(name, math.inf)))
            for name, largest in settings.operations.items()
        ]
        return [Sometimes(layer, rate=settings.probability) for layer in layers]

    def _cutout(self) -> list[keras.layers.Layer]:
        settings = self.settings
        if settings.cutout == 0.0:
            return []
        side = (0.0, min(settings.cutout * self.strength, 1.0))
        cutout = SquareCutout(side, side, fill_value=GRAY)
        return [Sometimes(cutout, rate=settings.cutout_probability)]


_LIMITS = {"translate_x": 1.0, "translate_y": 1.0, "shear_x": 1.0, "shear_y": 1.0, "solarize": 1.0}


def _layer_of(name: str, largest: float) -> keras.layers.Layer:
    """Returns keras-cv's layer of an operation, for amounts up to `largest`."""
    layers = keras_cv.layers
    if name == "rotate":
        return layers.RandomRotation(factor=largest / 360.0, fill_mode="reflect")
    if name == "shear_x":
        return layers.RandomShear(x_factor=largest, fill_mode="reflect")
    if name == "shear_y":
        return layers.RandomShear(y_factor=largest, fill_mode="reflect")
    if name == "translate_x":
        return layers.RandomTranslation(height_factor=0.0, width_factor=largest, fill_mode="reflect")
    if name == "translate_y":
        return layers.RandomTranslation(height_factor=largest, width_factor=0.0, fill_mode="reflect")
    if name == "solarize":
        return layers.Solarization(VALUE_RANGE, threshold_factor=(255.0 * (1.0 - largest), 255.0))
    raise ConfigError(f"{name} has no counterpart in keras-cv here; use --augment_impl=fused.")
