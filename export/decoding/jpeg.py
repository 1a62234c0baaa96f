"""JPEG: size from its frame header, rotation from EXIF, CMYK through black; large pictures are decoded reduced."""

import tensorflow as tf

from aag_tf.data.formats.pillow import JPEG_SCAN, MAX_PASSES, MAX_SCANS
from aag_tf.export.decoding.orientation import orientation, upright
from aag_tf.export.decoding.strings import after, part, require, require_pixels

START = b"\xff\xd8\xff"


def decode_jpeg(data: tf.Tensor, size: tuple[int, int], max_pixels: tf.Tensor | int) -> tf.Tensor:
    """Decodes to uint8 [h, w, 3], at 1/2, 1/4 or 1/8 of its size if far larger than `size`, as in training."""
    shape = tf.cast(tf.image.extract_jpeg_shape(data), tf.int64)
    height, width = shape[0], shape[1]
    scans = tf.size(tf.strings.split(data, JPEG_SCAN, maxsplit=MAX_SCANS), out_type=tf.int64) - 1
    checks = [
        require_pixels(height, width, max_pixels),
        require(
            (scans < MAX_SCANS) & (scans * height * width <= MAX_PASSES * max_pixels), "too many scans of the picture"
        ),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    spare = tf.minimum(height, width) // (2 * max(size))
    reduced = tf.reduce_sum(tf.cast(spare >= [2, 4, 8], tf.int32))
    picture = tf.switch_case(reduced, [lambda ratio=ratio: _decode(data, ratio) for ratio in (1, 2, 4, 8)])
    return upright(picture, orientation(_exif(data)))


def _decode(data: tf.Tensor, ratio: int) -> tf.Tensor:
    # Pillow uses the accurate transform too, so that the pixels are the same.
    return tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _exif(data: tf.Tensor) -> tf.Tensor:
    before, behind = after(data, b"Exif\0\0")
    segment = tf.strings.length(before) >= 4  # its marker and its length come first
    marker = tf.cond(segment, lambda: part(before, tf.strings.length(before) - 4, 2), lambda: tf.constant(b""))
    return tf.where(marker == b"\xff\xe1", behind, b"")
