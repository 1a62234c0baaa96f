"""Decodes pictures inside the graph: JPEG, PNG, GIF and WebP files from untrusted clients.

The pixels equal those of `aag_tf.data.files.pictures`, which training uses: upright, over white, the first of several
frames, 16-bit gray scaled to 8 bits. Sizes are read from the headers, and too large ones refused before a pixel is
allocated.
"""

from aag_tf.export.decoding.batch import decode_batch

__all__ = ["decode_batch"]
