"""Python ends whatever still reads images."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from living_iterators import CODE
from PIL import Image

from aag_tf.config import DataConfig
from aag_tf.data import FileImages, open_source
from aag_tf.data.images import file_images, python_calls
from aag_tf.utils.errors import DataError

PATIENCE = 300.0  # seconds


def test_python_ends_though_iterators_are_alive():
    program = Path(__file__).parents[1] / "living_iterators.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == CODE, done.stderr


class Fails:
    """A decoder that fails so many times."""

    def __init__(self, times, error):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self, file, shape):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return np.full(shape, 9, np.uint8)


def images(decode):
    return FileImages(["a.png"], (2, 2, 1), decode)


IO_ERROR = OSError(errno.EIO, "Input/output error")


def test_an_error_of_the_system_is_tried_again(monkeypatch):
    monkeypatch.setattr(file_images, "PAUSES", (0.0, 0.0, 0.0))
    passing = Fails(3, IO_ERROR)
    assert images(passing).numpy([0]).tolist() == [[[[9], [9]], [[9], [9]]]]
    assert passing.calls == 4
    lasting = Fails(9, IO_ERROR)
    with pytest.raises(DataError, match=r"^a\.png can no longer be read \(Input/output error\); put it back and start"):
        images(lasting).numpy([0])
    assert lasting.calls == 4


@pytest.mark.parametrize("error", [OSError("image file is truncated"), ValueError("bad")])
def test_a_damaged_file_is_not(error):
    damaged = Fails(1, error)
    with pytest.raises(DataError, match=r"^a\.png can no longer be read"):
        images(damaged).numpy([0])
    assert damaged.calls == 1


def test_nothing_is_tried_again_while_python_ends(monkeypatch):
    monkeypatch.setattr(file_images, "PAUSES", (60.0,))
    python_calls._ending.set()
    try:
        failing = Fails(1, IO_ERROR)
        with pytest.raises(DataError, match="can no longer be read"):
            images(failing).numpy([0])
    finally:
        python_calls._ending.clear()
    assert failing.calls == 1


def test_another_picture_in_place_of_one_that_views_are_cut_from_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    for number in range(4):
        Image.fromarray(noise).save(tmp_path / f"{number}.jpg")
    source = open_source(DataConfig(f"folder:{tmp_path}", image_size=8, validation_fraction=0.0), "source")
    assert source.train.images.has_sources
    source.train.images.check(range(4))
    Image.fromarray(noise).save(tmp_path / "2.jpg", "tiff")  # which Pillow reads, and TensorFlow does not
    with pytest.raises(DataError, match=r"2\.jpg can no longer be read as when the run began, .* put back what was"):
        source.train.images.check(range(4))
