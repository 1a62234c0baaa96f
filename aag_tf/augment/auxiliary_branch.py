"""The auxiliary branch: the main branch's augmentation and a preset's operations, for whole batches."""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment import color, photometric, warp
from aag_tf.augment.branch import compiled
from aag_tf.augment.main_branch import DRAWS, Draws, MainBranch
from aag_tf.augment.presets import GEOMETRIC, PRESETS, SIGNED, Preset
from aag_tf.config import AugmentConfig, check_setting
from aag_tf.data.images.windows import Window
from aag_tf.utils.errors import ConfigError

SMALLEST_CROP = 0.02  # share of the image; limit for strengths above 1
LEVELS = {  # on gray levels, in the order in which they are applied
    "brightness": photometric.scale,
    "contrast": photometric.stretch,
    "posterize": photometric.posterize,
    "solarize": photometric.solarize,
    "invert": photometric.solarize,  # with amount 1: all levels
}
# Operations with a factor of 1 + amount: at -1 a picture vanishes, and below -1 it would be inverted.
FACTORS = ("brightness", "contrast", "saturation", "sharpness")
LEAST = -0.9
COLOR = ("saturation",)  # operations that only images of three channels have
CUTOUT_DRAWS = ("cutout", "cutout_side", "cutout_down", "cutout_right")


@keras.saving.register_keras_serializable(package="aag_tf")
class AuxiliaryBranch(MainBranch):
    """The main branch with wider crops, the operations of a preset, and cutout.

    Geometric operations, crop and flip form one affine map per image, which is sampled once. The order of operations is
    fixed: geometry, blur, color jitter, sharpness, saturation, autocontrast, equalize, brightness, contrast, posterize,
    solarize, invert, cutout.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255]. Output: float32
    `[batch, out_height, out_width, channels]` in [0, 255].

    Operations work on each of any number of channels, contrast about the channel's own mean. Saturation needs three:
    for a gray image it changes nothing where it is drawn, and for images of other channels it is not drawn.

        >>> branch = AuxiliaryBranch("cutout", strength=0.5)
        >>> branch(tf.zeros([8, 32, 32, 3], tf.uint8), seed=[1, 2]).shape
        TensorShape([8, 32, 32, 3])

    Args:
        preset: a key of `PRESETS`.
        strength: scales every amount, and the difference of the crop from the main branch's, in [0, 2]; at 0 the views
            are exactly those of a `MainBranch` with the same other arguments.
        **kwargs: of `MainBranch`.

    References: Cubuk et al., *RandAugment*, 2020; DeVries and Taylor, *Improved Regularization of Convolutional Neural
    Networks with Cutout*, 2017.
    """

    def __init__(
        self, preset: str = AugmentConfig.aux, strength: float = AugmentConfig.aux_strength, **kwargs: Any
    ) -> None:
        if preset not in PRESETS:
            raise ConfigError(f"the auxiliary preset {preset} is not known; choose one of {', '.join(PRESETS)}.")
        check_setting(AugmentConfig, "aux_strength", strength, label="strength")
        # Set first, because the keras-cv counterpart makes its layers from them as it is constructed.
        self.preset = preset
        self.strength = strength
        super().__init__(**kwargs)

    @property
    def settings(self) -> Preset:
        """The preset that `preset` names."""
        return PRESETS[self.preset]

    @property
    @override
    def num_uniforms(self) -> int:
        # Two for each operation: whether it is applied, and its amount.
        return len(DRAWS) + 2 * len(self.settings.operations) + len(CUTOUT_DRAWS)

    @override
    def _finish(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        views = self._blurred(views, uniforms)
        if "equalize" not in self.settings.operations:
            return self._compiled_finish(views, uniforms)
        views = self._compiled_filter(self._compiled_recolor(views, uniforms), uniforms)
        # TensorFlow's own operation, because XLA would count one pixel after the other.
        return self._compiled_equalize(views, uniforms, photometric.histograms(views))

    @compiled
    @override
    def _compiled_sample(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        draws, amounts = self._draws(uniforms), self._amounts(uniforms, images)
        if self.strength == 0.0 or set(amounts).isdisjoint(GEOMETRIC):
            return self._sample(images, draws)
        return self._warp(images, self._window(draws), draws, amounts)

    @compiled
    @override
    def _compiled_turn(self, crops: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        draws, amounts = self._draws(uniforms), self._amounts(uniforms, crops)
        if self.strength == 0.0 or set(amounts).isdisjoint(GEOMETRIC):
            return MainBranch._compiled_turn(self, crops, uniforms)
        zero, one = tf.zeros_like(draws["area"]), tf.ones_like(draws["area"])
        return self._warp(crops, Window(zero, zero, one, one), draws, amounts)

    @compiled
    def _compiled_finish(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        views = self._filter(self._recolor(views, self._draws(uniforms)), self._amounts(uniforms, views))
        return self._relevel(views, uniforms)

    @compiled
    def _compiled_filter(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._filter(views, self._amounts(uniforms, views))

    @compiled
    def _compiled_equalize(self, views: tf.Tensor, uniforms: tf.Tensor, histograms: tf.Tensor) -> tf.Tensor:
        views = photometric.equalize(views, self._amounts(uniforms, views)["equalize"], histograms)
        return self._relevel(views, uniforms)

    @override
    def _draws(self, uniforms: tf.Tensor) -> Draws:
        cutout = tf.unstack(uniforms[:, -len(CUTOUT_DRAWS) :], axis=1)
        return super()._draws(uniforms) | dict(zip(CUTOUT_DRAWS, cutout, strict=True))

    def _amounts(self, uniforms: tf.Tensor, images: tf.Tensor) -> Draws:
        """Amount of each operation for each view, `[batch]` in the operation's units; 0 if it was not drawn.

        Args:
            uniforms: `[batch, num_uniforms]` in [0, 1).
            images: of which the number of channels counts.
        """
        settings, count = self.settings, len(self.settings.operations)
        _, whether, much, _ = tf.split(uniforms, [len(DRAWS), count, count, len(CUTOUT_DRAWS)], axis=1)
        if settings.choose is None:
            drawn = whether < settings.probability
        else:
            if images.shape[-1] not in (1, 3):
                whether += [2.0 * (name in COLOR) for name in settings.operations]  # never among the smallest
            # The operations with the smallest numbers: a random choice without repetition.
            rank = tf.reduce_sum(tf.cast(whether[:, None, :] < whether[:, :, None], tf.int32), axis=-1)
            drawn = rank < settings.choose
        amounts = {}
        for index, (name, largest) in enumerate(settings.operations.items()):
            share = 2.0 * much[:, index] - 1.0 if name in SIGNED else much[:, index]
            if name == "invert":
                amount = tf.cast(share < largest * self.strength, tf.float32)
            else:
                amount = share * (largest * self.strength)
                if name in FACTORS:
                    amount = tf.maximum(amount, LEAST)
            amounts[name] = tf.where(drawn[:, index], amount, 0.0)
        return amounts

    @override
    def _smallest_crop(self) -> float:
        main, wanted = self.crop_min_area, self.settings.crop_min_area
        if wanted is None or wanted >= main:  # an auxiliary branch is never the narrower one
            return main
        return max(main + self.strength * (wanted - main), min(SMALLEST_CROP, main))

    def _warp(self, images: tf.Tensor, window: Window, draws: Draws, amounts: Draws) -> tf.Tensor:
        amounts = {name: tf.zeros_like(draws["area"]) for name in GEOMETRIC} | amounts
        size = self.output_size(images.shape)
        maps = warp.crop_map(window, self._mirror(draws))
        maps @= warp.rotation(amounts["rotate"], size)
        maps @= warp.shear(amounts["shear_y"], amounts["shear_x"], size)
        maps @= warp.translation(2.0 * amounts["translate_y"], 2.0 * amounts["translate_x"])
        return warp.warp(images, maps, size)

    def _filter(self, views: tf.Tensor, amounts: Draws) -> tf.Tensor:
        if "sharpness" in amounts:
            views = photometric.sharpen(views, amounts["sharpness"])
        if "saturation" in amounts and color.is_color(views):
            matrix = color.saturation_matrix(1.0 + amounts["saturation"])
            views = tf.clip_by_value(color.multiply(views, matrix), 0.0, color.WHITE)
        return photometric.autocontrast(views, amounts["autocontrast"]) if "autocontrast" in amounts else views

    def _relevel(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """Applies the operations on gray levels that need no histogram, and cutout."""
        amounts = self._amounts(uniforms, views)
        for name, operation in LEVELS.items():
            if name in amounts:
                views = operation(views, amounts[name])
        return self._cut_out(views, self._draws(uniforms))

    def _cut_out(self, views: tf.Tensor, draws: Draws) -> tf.Tensor:
        settings = self.settings
        if settings.cutout == 0.0:
            return views
        longest = self.strength * settings.cutout * min(views.shape[1:3])
        side = tf.where(draws["cutout"] < settings.cutout_probability, draws["cutout_side"] * longest, 0.0)
        return photometric.cut_out(views, side, draws["cutout_down"], draws["cutout_right"])

    @override
    def get_config(self) -> dict[str, Any]:
        return {"preset": self.preset, "strength": self.strength, **super().get_config()}
