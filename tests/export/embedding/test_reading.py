"""Reading: every image in its row, whatever becomes of its neighbors, and no more in memory than a few batches."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from aag_tf.data.files.reasons import reason
from aag_tf.export.embedding.items import Item
from aag_tf.export.embedding.reading import BATCHES_AHEAD, read_batches
from aag_tf.utils.errors import DataError


def good(value):
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(file, "PNG")
    return Item(str(value), lambda: io.BytesIO(file.getvalue()))


def bad(name):
    return Item(name, lambda: io.BytesIO(b"no picture"))


@pytest.mark.parametrize("threads", [1, 5])
def test_images_keep_their_rows_beside_broken_ones(threads):
    items = [bad(str(value)) if value % 7 == 3 else good(value) for value in range(100)]
    batches = list(read_batches(items, (4, 4, 1), [30] * 4, threads))
    assert [len(batch.names) for batch in batches] == [30, 30, 30, 10]
    for start, batch in zip(range(0, 100, 30), batches, strict=True):
        for row, value in enumerate(range(start, min(start + 30, 100))):
            broken = value % 7 == 3
            assert batch.names[row] == str(value)
            assert batch.errors[row] == ("a text file, which is not read: it is no picture" if broken else None)
            assert np.all(batch.pixels[row] == (0 if broken else value))


def test_no_images_are_no_batches():
    assert list(read_batches([], (4, 4, 1), [8])) == []


def test_reads_only_a_little_ahead():
    opened = []
    lock = threading.Lock()

    def item(number):
        def read():
            with lock:
                opened.append(number)
            return good(number).open()

        return Item(str(number), read)

    batches = read_batches((item(number) for number in range(200)), (4, 4, 1), [10] * 20, 2)
    for taken in range(1, 6):
        next(batches)
        assert len(opened) <= (taken + BATCHES_AHEAD) * 10
    batches.close()
    assert len(opened) < 100


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(2, "No such file or directory", "/secret/path"), "No such file or directory"),
        (DataError("too many\npixels"), "too many pixels"),
        (OSError("image file is truncated"), "image file is truncated"),
        (ValueError("bad <_io.BytesIO object at 0x7f12ab>"), "ValueError: bad the file"),
        (ValueError("bad <_io.BufferedReader name=5>"), "ValueError: bad the file"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_reason_is_one_line_that_no_run_changes(error, expected):
    assert reason(error) == expected
