"""Decodes a batch of pictures; one that cannot be decoded does not affect the others."""

import tensorflow as tf

from aag_tf.config import ExportConfig
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.color import gray
from aag_tf.export.decoding import gif, jpeg, png, webp
from aag_tf.export.decoding.deep import image_of
from aag_tf.export.decoding.orientation import upright
from aag_tf.export.decoding.resize import fit_picture
from aag_tf.export.decoding.strings import part, require

AT_ONCE = 8  # pictures of a request that are decoded in parallel; with `max_pixels` it bounds the memory
EIGHT_BITS = Reading()
LONGEST_START = 12  # bytes that tell the formats apart


def decode_batch(
    contents: tf.Tensor,
    image_shape: tuple[int, int, int],
    max_pixels: tf.Tensor | int = ExportConfig.max_pixels,
    reading: Reading = EIGHT_BITS,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes pictures and resizes them as training does; leaves out those that cannot be decoded.

    A `tf.data` pipeline inside the graph catches the errors, which nothing else in TensorFlow can: it drops elements
    whose kernels fail.

    Args:
        contents: string [n], each a JPEG, PNG, GIF or WebP file.
        image_shape: (height, width, channels) to return, channels 1 or 3.
        max_pixels: pictures with more are refused.
        reading: how training reads pictures: the range of 16-bit ones, and what becomes of another aspect.

    Returns:
        Indices of the decoded pictures, int32 [k], ascending, and their pixels, uint8 [k, *image_shape].
    """
    count = tf.shape(contents)[0]
    files = tf.data.Dataset.from_tensor_slices((tf.range(count), contents))
    pictures = files.map(
        lambda row, data: (row, _decode(data, image_shape, max_pixels, reading)),
        num_parallel_calls=AT_ONCE,
        deterministic=True,
    ).ignore_errors()
    # One more row, so that there is a batch even if no picture can be decoded.
    last = tf.data.Dataset.from_tensors((count, tf.zeros(image_shape, tf.uint8)))
    everything = pictures.concatenate(last).batch(tf.cast(count + 1, tf.int64))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    rows, decoded = everything.with_options(options).get_single_element()
    return rows[:-1], tf.ensure_shape(decoded[:-1], [None, *image_shape])


def _decode(
    data: tf.Tensor, image_shape: tuple[int, int, int], max_pixels: tf.Tensor | int, reading: Reading
) -> tf.Tensor:
    """One file as uint8 [*image_shape]; raises `InvalidArgumentError` if it cannot be decoded."""
    facts = png.read_facts(data)
    return tf.cond(
        png.is_deep(data),
        lambda: image_of(upright(png.decode_deep_png(data, facts, max_pixels)), image_shape, reading),
        lambda: _decode_eight_bits(data, facts, image_shape, max_pixels, reading.fit),
    )


def _decode_eight_bits(
    data: tf.Tensor, facts: png.Facts, image_shape: tuple[int, int, int], max_pixels: tf.Tensor | int, how: str
) -> tf.Tensor:
    start = part(data, 0, LONGEST_START)
    size = image_shape[:2]
    formats = [
        (part(start, 0, 3) == jpeg.START, lambda: jpeg.decode_jpeg(data, size, max_pixels)),
        (part(start, 0, 8) == png.START, lambda: png.decode_png(data, facts, max_pixels)),
        (tf.reduce_any(part(start, 0, 6) == tf.constant(gif.STARTS)), lambda: gif.decode_gif(data, max_pixels)),
        (_is_webp(start), lambda: webp.decode_webp(data, max_pixels)),
    ]
    known = tf.stack([is_format for is_format, _ in formats])
    with tf.control_dependencies([require(tf.reduce_any(known), "no JPEG, PNG, GIF or WebP file")]):
        chosen = tf.argmax(tf.cast(known, tf.int32), output_type=tf.int32)
    turned = tf.switch_case(chosen, [decode for _, decode in formats])
    picture = tf.ensure_shape(upright(turned), [None, None, 3])
    picture = gray(picture) if image_shape[2] == 1 else picture
    return tf.ensure_shape(fit_picture(picture, size, how), image_shape)


def _is_webp(start: tf.Tensor) -> tf.Tensor:
    kind = tf.cond(tf.strings.length(start) >= LONGEST_START, lambda: part(start, 8, 4), lambda: tf.constant(b""))
    return (part(start, 0, 4) == webp.CONTAINER) & (kind == webp.KIND)
