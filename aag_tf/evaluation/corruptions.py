"""A small fixed set of corruptions at five strengths each, as pure functions of a picture, its number and a seed.

Kinds and strengths are those of D. Hendrycks, T. Dietterich, *Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations*, arXiv 1903.12261 (2019): of CIFAR-10-C for images up to 64 pixels, of ImageNet-C above.
The pictures differ from the published files, which were made with other libraries and random numbers.
"""

from collections.abc import Callable

import tensorflow as tf

from aag_tf.augment import sampling
from aag_tf.data import Images, TransformedImages
from aag_tf.utils import seeds

STRENGTHS = (1, 2, 3, 4, 5)
SMALL_IMAGE = 64  # pixels of the longer side

# (for small images, for larger ones): standard deviation of the noise and remaining contrast as shares of the range,
# standard deviation of the blur in pixels, JPEG quality.
SETTINGS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "noise": ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "blur": ((0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0)),
    "contrast": ((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "jpeg": ((80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}


def settings(kind: str, image_shape: tuple[int, int, int]) -> tuple[float, ...]:
    """Returns the five settings of a corruption for images of this shape."""
    small, large = SETTINGS[kind]
    return small if max(image_shape[:2]) <= SMALL_IMAGE else large


def corrupted(images: Images, kind: str, strength: int, seed: int = 0) -> Images:
    """Applies one corruption to images; each result depends on the number of its image and not on the batch.

    Args:
        images: the clean images.
        kind: a key of `SETTINGS`.
        strength: 1 (slight) to 5.
        seed: of the noise.
    """
    amount = settings(kind, images.shape)[strength - 1]
    fold = seeds.fold(seed, f"corruption_{kind}", strength)
    change = CHANGES[kind]

    def transform(pictures: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        changed = change(tf.cast(pictures, tf.float32), amount, numbers, fold)
        return tf.cast(tf.round(tf.clip_by_value(changed, 0.0, 255.0)), tf.uint8)

    return TransformedImages(images, transform)


def _noise(pictures: tf.Tensor, deviation: float, numbers: tf.Tensor, seed: seeds.Seed) -> tf.Tensor:
    shape = pictures.shape[1:]

    def draw(number: tf.Tensor) -> tf.Tensor:
        own = tf.random.experimental.stateless_fold_in(tf.constant(seed, tf.int32), number)
        return tf.random.stateless_normal(shape, own, stddev=255.0 * deviation)

    return pictures + tf.map_fn(draw, numbers, fn_output_signature=tf.TensorSpec(shape, tf.float32))


def _blur(pictures: tf.Tensor, deviation: float, numbers: tf.Tensor, _: seeds.Seed) -> tf.Tensor:
    sigma = tf.fill(tf.shape(numbers), tf.constant(deviation, tf.float32))
    return sampling.blur(pictures, sigma, deviation)


def _contrast(pictures: tf.Tensor, factor: float, numbers: tf.Tensor, _: seeds.Seed) -> tf.Tensor:
    mean = tf.reduce_mean(pictures, axis=[1, 2], keepdims=True)  # of each channel
    return mean + factor * (pictures - mean)


def _jpeg(pictures: tf.Tensor, quality: float, numbers: tf.Tensor, _: seeds.Seed) -> tf.Tensor:
    height, width, channels = pictures.shape[1:]
    # JPEG holds gray and RGB; of other channels each is compressed as a gray picture.
    own = channels if channels in (1, 3) else 1
    shape = [height, width, own]

    def compress(picture: tf.Tensor) -> tf.Tensor:
        data = tf.io.encode_jpeg(picture, quality=int(quality))
        return tf.ensure_shape(tf.io.decode_jpeg(data, channels=own), shape)

    parts = tf.concat(tf.split(tf.cast(tf.round(pictures), tf.uint8), channels // own, axis=3), axis=0)
    done = tf.map_fn(compress, parts, fn_output_signature=tf.TensorSpec(shape, tf.uint8))
    return tf.cast(tf.concat(tf.split(done, channels // own, axis=0), axis=3), tf.float32)


Change = Callable[[tf.Tensor, float, tf.Tensor, seeds.Seed], tf.Tensor]
CHANGES: dict[str, Change] = {"noise": _noise, "blur": _blur, "contrast": _contrast, "jpeg": _jpeg}
