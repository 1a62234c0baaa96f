"""The main branch: SimCLR's augmentation (crop, flip, color jitter, grayscale, blur) for whole batches."""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from aag_tf.augment import color, sampling
from aag_tf.augment.branch import Branch, compiled
from aag_tf.config import AugmentConfig, check_setting
from aag_tf.data.images.windows import Window

MAX_ASPECT = 4.0 / 3.0
FLIP_PROBABILITY = 0.5
JITTER_PROBABILITY = 0.8
# SimCLR (Chen et al. 2020, appendix A) at color_strength 1; hue in turns of the color circle.
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.8, 0.8, 0.8, 0.2

BLUR_PROBABILITY = 0.5
BLUR_LARGER_THAN = 64  # pixels: blur removes too much of smaller images
BLUR_SIGMA = (0.1, 2.0)  # pixels of the view

DRAWS = (
    "area",
    "aspect",
    "top",
    "left",
    "flip",
    "jitter",
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "gray",
    "blur",
    "sigma",
)

Draws = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable(package="aag_tf")
class MainBranch(Branch):
    """Random resized crop, flip, color jitter, grayscale and Gaussian blur.

    Crop, resize and flip are two sampling matrices per image, and color is one 3×3 matrix and an offset: without blur,
    a view is `clip(color · (rows · image · columnsᵀ) + offset)`.

    Input: `[batch, height, width, channels]`, uint8 or float in [0, 255]. Where there are not three channels, color
    jitter is brightness, the same in all channels, and contrast about the mean of each; there is no saturation, hue or
    grayscale. Output: float32 `[batch, out_height, out_width, channels]` in [0, 255].

        >>> branch = MainBranch(crop_min_area=0.2)
        >>> branch(tf.zeros([8, 32, 32, 3], tf.uint8), seed=[1, 2]).shape
        TensorShape([8, 32, 32, 3])

    Args:
        crop_min_area: smallest share of the image that a crop shows, in (0, 1].
        color_strength: scales the jitter of brightness, contrast, saturation and hue, in [0, 1]; 0 for none.
        grayscale_probability: share of gray views of color images, in [0, 1].
        flip: whether half of the views are mirrored left to right.
        blur_probability: share of blurred views, in [0, 1]; `None` means 0.5 for views above 64 pixels, else 0.
        **kwargs: of `Branch`: `size`, `seed`, `jit_compile`.

    Reference: Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, 2020, appendix A.
    """

    def __init__(
        self,
        *,
        crop_min_area: float = AugmentConfig.crop_min_area,
        color_strength: float = AugmentConfig.color_strength,
        grayscale_probability: float = AugmentConfig.grayscale_probability,
        flip: bool = AugmentConfig.flip,
        blur_probability: float | None = AugmentConfig.blur_probability,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_setting(AugmentConfig, "crop_min_area", crop_min_area)
        check_setting(AugmentConfig, "color_strength", color_strength)
        check_setting(AugmentConfig, "grayscale_probability", grayscale_probability)
        check_setting(AugmentConfig, "blur_probability", blur_probability)
        self.crop_min_area = crop_min_area
        self.color_strength = color_strength
        self.grayscale_probability = grayscale_probability
        self.flip = flip
        self.blur_probability = blur_probability

    @property
    @override
    def num_uniforms(self) -> int:
        return len(DRAWS)  # used or not, so that switching one setting off does not shift the numbers of the others

    @override
    def transform(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._finish(self._compiled_sample(images, uniforms), uniforms)

    @override
    def source_window(self, uniforms: tf.Tensor, aspect: tf.Tensor) -> Window:
        return self._window(self._draws(uniforms), aspect)

    @override
    def transform_crop(self, crops: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._finish(self._compiled_turn(crops, uniforms), uniforms)

    def _finish(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """Everything behind geometry: blur if views are large, and color."""
        return self._compiled_recolor(self._blurred(views, uniforms), uniforms)

    def _blurred(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._compiled_blur(views, uniforms) if self._blur_share(*views.shape[1:3]) > 0.0 else views

    @compiled
    def _compiled_sample(self, images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._sample(images, self._draws(uniforms))

    @compiled
    def _compiled_turn(self, crops: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """The geometry that is left where views were cut from files."""
        views, mirror = tf.cast(crops, tf.float32), self._mirror(self._draws(uniforms))
        return views if mirror is None else tf.where(mirror[:, None, None, None], views[:, :, ::-1], views)

    @compiled
    def _compiled_blur(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return sampling.blur(views, self._sigma(self._draws(uniforms), *views.shape[1:3]), BLUR_SIGMA[1])

    @compiled
    def _compiled_recolor(self, views: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        return self._recolor(views, self._draws(uniforms))

    def _draws(self, uniforms: tf.Tensor) -> Draws:
        """Names the uniform numbers, `[batch]` each; an auxiliary branch has further ones."""
        return dict(zip(DRAWS, tf.unstack(uniforms[:, : len(DRAWS)], axis=1), strict=True))

    def _sample(self, images: tf.Tensor, draws: Draws) -> tf.Tensor:
        """Crops, resizes and flips: float32 `[batch, out_height, out_width, channels]`."""
        height, width = self.output_size(images.shape)
        window = self._window(draws)
        # Columns first, while pixels are bytes; rows are contiguous and fast in any case.
        views = sampling.resample(images, window.left, window.width, width, axis=2, mirror=self._mirror(draws))
        return sampling.resample(views, window.top, window.height, height, axis=1)

    def _window(self, draws: Draws, image_aspect: tf.Tensor | None = None) -> Window:
        return sampling.crop_window(
            *(draws[name] for name in ("area", "aspect", "top", "left")),
            min_area=self._smallest_crop(),
            max_aspect=MAX_ASPECT,
            image_aspect=image_aspect,
        )

    def _smallest_crop(self) -> float:
        return self.crop_min_area

    def _mirror(self, draws: Draws) -> tf.Tensor | None:
        return draws["flip"] < FLIP_PROBABILITY if self.flip else None

    def _blur_share(self, height: int, width: int) -> float:
        if self.blur_probability is not None:
            return self.blur_probability
        return BLUR_PROBABILITY if max(height, width) > BLUR_LARGER_THAN else 0.0

    def _sigma(self, draws: Draws, height: int, width: int) -> tf.Tensor:
        low, high = BLUR_SIGMA
        blurred = draws["blur"] < self._blur_share(height, width)
        return tf.where(blurred, low + (high - low) * draws["sigma"], 0.0)

    def _recolor(self, views: tf.Tensor, draws: Draws) -> tf.Tensor:
        """Applies color jitter and grayscale; float32 in [0, 255]."""
        strength = tf.where(draws["jitter"] < JITTER_PROBABILITY, float(self.color_strength), 0.0)

        def amount(name: str, largest: float) -> tf.Tensor:
            return strength * largest * (2.0 * draws[name] - 1.0)

        brightness = color.WHITE * amount("brightness", BRIGHTNESS)
        contrast = 1.0 + amount("contrast", CONTRAST)
        if not color.is_color(views):
            return color.apply_jitter(views, brightness=brightness, contrast=contrast)
        gray = draws["gray"] < self.grayscale_probability
        return color.apply_jitter(
            views,
            brightness=brightness,
            contrast=contrast,
            matrix=color.color_matrix(1.0 + amount("saturation", SATURATION), amount("hue", HUE), gray),
        )

    @override
    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "crop_min_area": self.crop_min_area,
            "color_strength": self.color_strength,
            "grayscale_probability": self.grayscale_probability,
            "flip": self.flip,
            "blur_probability": self.blur_probability,
        }
