"""Names of files in TensorFlow."""

import os

import pytest
import tensorflow as tf

from aag_tf.data.images import names
from aag_tf.data.images.names import Names


@pytest.mark.parametrize("piece", [1, 7, 2**20])
def test_each_name_is_found_by_its_number(piece, monkeypatch):
    monkeypatch.setattr(names, "PIECE", piece)
    files = ["a/0.jpg", "ä/Straße 日本.jpg", "", os.fsdecode(b"bad\xff.jpg"), "last"]
    held = Names(files)
    numbers = tf.data.Dataset.from_tensor_slices([4, 0, 3, 1, 2]).map(lambda number: held[tf.cast(number, tf.int64)])
    assert [os.fsdecode(name) for name in numbers.as_numpy_iterator()] == [files[row] for row in (4, 0, 3, 1, 2)]
