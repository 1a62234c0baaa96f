"""Full float32 on every device: a GPU's TensorFloat-32 would reorder neighbors and mislead a line search."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Turns TensorFloat-32 off inside the block; also works as a decorator."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
