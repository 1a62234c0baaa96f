"""Encoded pictures to pixels inside the graph: JPEG, PNG, GIF and WebP as strangers send them.

The pictures come out as `aag_tf.data.pictures` makes them for training: upright, over white, of several frames the
first, 16-bit gray scaled. Sizes are read from the headers and refused before a pixel is allocated.
"""

from aag_tf.export.decoding.batch import decode_batch

__all__ = ["decode_batch"]
