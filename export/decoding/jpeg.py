"""JPEG: size from its frame header, rotation from EXIF, CMYK through black; large pictures are decoded reduced."""

import tensorflow as tf

from aag_tf.data.files.formats.jpeg import (
    ADOBE,
    ALONE,
    APP1,
    EXIF,
    FILL,
    INKS,
    MAX_PASSES,
    MAX_SCANS,
    MAX_SEGMENTS,
    SCAN,
)
from aag_tf.export.decoding.orientation import Turned, orientation
from aag_tf.export.decoding.strings import codes_at, contains, part, require, require_pixels

START = b"\xff\xd8\xff"


def decode_jpeg(data: tf.Tensor, size: tuple[int, int], max_pixels: tf.Tensor | int) -> Turned:
    """Decodes to uint8 [h, w, 3], at 1/2, 1/4 or 1/8 of its size if far larger than `size`, as in training."""
    shape = tf.cast(tf.image.extract_jpeg_shape(data), tf.int64)
    height, width, components = shape[0], shape[1], shape[2]
    scans = tf.size(tf.strings.split(data, SCAN, maxsplit=MAX_SCANS), out_type=tf.int64) - 1
    checks = [
        require_pixels(height, width, max_pixels),
        require(
            (scans < MAX_SCANS) & (scans * height * width <= MAX_PASSES * max_pixels), "too many scans of the picture"
        ),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    marked = tf.cond(
        components == INKS, lambda: tf.strings.join([part(data, 0, 2), ADOBE, part(data, 2, -1)]), lambda: data
    )
    spare = tf.minimum(height, width) // (2 * max(size))
    reduced = tf.reduce_sum(tf.cast(spare >= [2, 4, 8], tf.int32))
    picture = tf.switch_case(reduced, [lambda ratio=ratio: _decode(marked, ratio) for ratio in (1, 2, 4, 8)])
    exif = tf.cond(contains(data, EXIF), lambda: _exif(data), lambda: tf.constant(b""))
    return Turned(picture, orientation(exif))


def _decode(data: tf.Tensor, ratio: int) -> tf.Tensor:
    return tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _exif(data: tf.Tensor) -> tf.Tensor:
    """The content of the first segment of EXIF before the first scan; empty if there is none."""

    def is_exif(at: tf.Tensor) -> tf.Tensor:
        return (codes_at(data, at, 2)[1] == APP1) & (part(data, tf.minimum(at + 4, length), len(EXIF)) == EXIF)

    def is_other(at: tf.Tensor) -> tf.Tensor:
        marker = codes_at(data, at, 2)
        return (marker[0] == FILL) & tf.reduce_all(marker[1] != ALONE) & ~is_exif(at)

    def step(at: tf.Tensor) -> tf.Tensor:
        head = codes_at(data, at, 4)
        return at + tf.where(head[1] == FILL, 1, 2 + 256 * head[2] + head[3])

    length = tf.strings.length(data)
    at = tf.while_loop(is_other, step, [tf.constant(2)], maximum_iterations=MAX_SEGMENTS - 1)[0]
    head = codes_at(data, at, 4)
    size = tf.maximum(0, 256 * head[2] + head[3] - 2 - len(EXIF))
    found = (head[0] == FILL) & is_exif(at)
    return tf.cond(found, lambda: part(data, at + 4 + len(EXIF), size), lambda: tf.constant(b""))
