"""Names of many files, which TensorFlow looks up by their numbers."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

PIECE = 2**20  # bytes; a large text takes four times its memory on its way into a tensor


class Names:
    """Names as one text and the places where they end: a tensor of so many strings would take twice the memory.

    Args:
        files: whose texts are their paths; at least one.
    """

    def __init__(self, files: Sequence[Any]) -> None:
        pieces, text = [], bytearray()
        lengths = np.zeros(len(files) + 1, np.int64)
        with tf.device("CPU:0"):
            for number, file in enumerate(files):
                name = os.fsencode(str(file))
                text += name
                lengths[number + 1] = len(name)
                if len(text) >= PIECE or number == len(files) - 1:
                    pieces.append(tf.constant(bytes(text)))
                    text.clear()
            self._text = tf.strings.join(pieces)
            self._ends = tf.constant(np.cumsum(lengths))

    def __getitem__(self, number: tf.Tensor) -> tf.Tensor:
        """Returns a name: int64 scalar to string scalar."""
        start, end = tf.unstack(tf.gather(self._ends, [number, number + 1]))
        return tf.strings.substr(self._text, start, end - start)
