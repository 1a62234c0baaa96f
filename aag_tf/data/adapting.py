"""Images of one data set at the size and in the channels of another's."""

import dataclasses

import tensorflow as tf

from aag_tf.data import resizing
from aag_tf.data.images import Images, Shape, TransformedImages
from aag_tf.data.splits import Split


def adapted(split: Split, shape: Shape) -> Split:
    """The split with images of `shape`, changed as they are read; the split itself where they are of that shape.

    They are cropped at the center and scaled; gray is repeated as RGB, and RGB becomes gray by its luma.

    Args:
        split: uint8 images of one or three channels, all of one size.
        shape: height, width and channels to bring them to.
    """
    images: Images = split.images
    if images.shape == shape:
        return split

    def adapt(pictures: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        fitted = resizing.fit(pictures, shape[:2])
        if images.shape[2] == shape[2]:
            return fitted
        return tf.image.grayscale_to_rgb(fitted) if shape[2] == 3 else tf.image.rgb_to_grayscale(fitted)

    return dataclasses.replace(split, images=TransformedImages(images, adapt, shape))
