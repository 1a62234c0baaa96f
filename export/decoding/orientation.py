"""The EXIF orientation of a picture: read as by `aag_tf.data.files.formats.exif`, and the picture turned upright."""

from typing import NamedTuple

import tensorflow as tf

from aag_tf.data.files.formats.exif import ENTRY, LONGEST_EXIF, ORIENTATION, SHORT


class Turned(NamedTuple):
    """A picture as it is stored, [h, w, c], and its EXIF orientation, 1 to 8."""

    picture: tf.Tensor
    orientation: tf.Tensor


def orientation(tiff: tf.Tensor) -> tf.Tensor:
    """Reads the orientation, 1 to 8, from EXIF data that begin with a TIFF header; 1 if missing or damaged.

    A read outside the data gives the last byte, not an error: damaged metadata must not cost the picture.
    """
    data = tf.cast(tf.io.decode_raw(tf.strings.substr(tiff, 0, LONGEST_EXIF), tf.uint8), tf.int32)
    data = tf.concat([data, [0]], axis=0)
    last = tf.size(data) - 1

    def byte(at: tf.Tensor) -> tf.Tensor:
        return tf.gather(data, tf.clip_by_value(at, 0, last))

    little = byte(tf.constant(0)) == ord("I")

    def short(at: tf.Tensor) -> tf.Tensor:
        low, high = byte(at), byte(at + 1)
        return tf.where(little, low + 256 * high, 256 * low + high)

    # Directories lie within LONGEST_EXIF, so that the two upper bytes of the offset are zero.
    directory = short(tf.where(little, 4, 6))
    entries = directory + 2 + ENTRY * tf.range(tf.minimum(short(directory), LONGEST_EXIF // ENTRY))
    matches = (short(entries) == ORIENTATION) & (short(entries + 2) == SHORT) & (entries + ENTRY <= last)
    value = tf.reduce_max(tf.where(matches, short(entries + 8), 1))
    known = (tf.strings.length(tiff) > 8) & tf.reduce_any(matches) & (value >= 1) & (value <= 8)
    return tf.where(known, value, 1)


def upright(turned: Turned) -> tf.Tensor:
    """Turns and mirrors a picture according to its orientation."""
    picture = turned.picture
    ways = [
        lambda: picture,
        lambda: picture[:, ::-1],
        lambda: picture[::-1, ::-1],
        lambda: picture[::-1],
        lambda: tf.transpose(picture, [1, 0, 2]),
        lambda: tf.transpose(picture[::-1], [1, 0, 2]),
        lambda: tf.transpose(picture[::-1, ::-1], [1, 0, 2]),
        lambda: tf.transpose(picture[:, ::-1], [1, 0, 2]),
    ]
    return tf.switch_case(turned.orientation - 1, ways)
