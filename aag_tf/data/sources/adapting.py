"""Brings the images of one data set to the size and the number of channels of another."""

import dataclasses

import tensorflow as tf

from aag_tf.config.reading import ReadingConfig
from aag_tf.data.files import resizing
from aag_tf.data.images.base import Images, Shape
from aag_tf.data.images.derived_images import TransformedImages
from aag_tf.data.splits import Split
from aag_tf.utils.errors import DataError


def require_channels(name: str, found: int, wanted: int, flag: str) -> None:
    """Checks that images can be brought to the channels of an encoder: equal ones, or gray and RGB.

    Args:
        name: of the data set.
        found: channels of its images.
        wanted: channels of the encoder.
        flag: that names another data set.

    Raises:
        DataError: they cannot.
    """
    if found != wanted and not {found, wanted} <= {1, 3}:
        raise DataError(
            f"{name} has images of {found} channels and the encoder takes {wanted}; only gray and RGB are made of each "
            f"other, so name images of {wanted} channels with {flag}."
        )


def adapted(split: Split, shape: Shape, how: str = ReadingConfig.fit) -> Split:
    """Returns the split with its images converted to `shape` as they are read; the split itself if they have it.

    Images are scaled; gray is repeated as RGB, and RGB becomes gray by its luma.

    Args:
        split: uint8 images, all of one size; of other channels than `shape` only if both are gray or RGB.
        shape: wanted height, width and channels.
        how: what becomes of another aspect; see `aag_tf.data.files.resizing.fit`.
    """
    images: Images = split.images
    if images.shape == shape:
        return split

    def adapt(pictures: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        fitted = resizing.fit(pictures, shape[:2], how)
        if images.shape[2] == shape[2]:
            return fitted
        return tf.image.grayscale_to_rgb(fitted) if shape[2] == 3 else tf.image.rgb_to_grayscale(fitted)

    return dataclasses.replace(split, images=TransformedImages(images, adapt, shape))
