import numpy as np
import pytest

from aag_tf.config import DataConfig
from aag_tf.data import open_source
from aag_tf.errors import DataError


def test_digits():
    from sklearn.datasets import load_digits

    source = open_source(DataConfig())
    assert source.image_shape == (8, 8, 1)
    assert source.class_names == list("0123456789")
    # A fifth of 1797 is 359.4, and a tenth of the remaining 1438 is 143.8.
    assert (len(source.train), len(source.validation), len(source.test)) == (1295, 143, 359)
    test = source.test.images.numpy(range(359))
    assert (test.dtype, test.min(), test.max()) == (np.uint8, 0, 255)
    # 16 levels of ink become multiples of 255 / 16.
    assert set(np.unique(test)) <= {round(level * 255 / 16) for level in range(17)}
    counts = np.bincount(load_digits().target)
    assert np.abs(np.bincount(source.test.labels) - counts / 5).max() < 1


def test_digits_at_another_size():
    assert open_source(DataConfig(image_size=32)).image_shape == (32, 32, 1)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digist", "--dataset=digist is not known; did you mean digits"),
        ("tdfs:cifar10", "did you mean tfds:cifar10"),
        ("cifar10", "--dataset=cifar10 is not known; did you mean tfds:cifar10"),
        ("webdataset:x", "is not known; use digits, tfds:<name>, folder:<path> or npz:<path>"),
        ("folder:", "--dataset=folder: names no data set"),
        ("tfds", "--dataset=tfds names no data set"),
        ("digits:8", "the embedded set is --dataset=digits"),
    ],
)
def test_names_that_are_not_known(dataset, message):
    with pytest.raises(DataError, match=message):
        open_source(DataConfig(dataset=dataset))
