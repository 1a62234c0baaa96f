"""Brings the images of one data set to the size and the number of channels of another."""

import dataclasses

import tensorflow as tf

from aag_tf.config.reading import ReadingConfig
from aag_tf.data import resizing
from aag_tf.data.derived_images import TransformedImages
from aag_tf.data.images import Images, Shape
from aag_tf.data.splits import Split


def adapted(split: Split, shape: Shape, how: str = ReadingConfig.fit) -> Split:
    """Returns the split with its images converted to `shape` as they are read; the split itself if they have it.

    Images are scaled; gray is repeated as RGB, and RGB becomes gray by its luma.

    Args:
        split: uint8 images of one or three channels, all of one size.
        shape: wanted height, width and channels.
        how: what becomes of another aspect; see `aag_tf.data.resizing.fit`.
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
