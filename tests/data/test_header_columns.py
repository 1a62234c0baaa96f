"""Headers of many files in columns: what goes in comes out, and notes are counted in the order of the files."""

import numpy as np
import pytest

from aag_tf.data.files.formats.decoded import Header
from aag_tf.data.files.header_columns import COLUMNS, HeaderColumns

FOUND = {
    0: Header(2**28, 1, 3, note="odd"),
    2: Header(5, 7, 64, deep=True, pages=10_000, one_size=False, ends=False),
    3: Header(5, 7, 1, note="strange", decoder=1),
    5: Header(5, 7, 1, note="odd"),
}


@pytest.fixture
def columns():
    columns = HeaderColumns(6)
    for number in (3, 5, 0, 2):  # as threads finish
        columns.put(number, FOUND[number])
    return columns


def test_a_header_comes_out_as_it_went_in(columns):
    headers = columns.headers()
    assert headers == FOUND
    assert headers.numbers.tolist() == list(FOUND)
    assert headers.column("channels").tolist() == [3, 64, 1, 1]
    assert headers.count_notes() == {"odd": 2, "strange": 1}
    assert list(headers.count_notes()) == ["odd", "strange"]
    for number in (1, 4, 6):
        with pytest.raises(KeyError):
            headers[number]


def test_some_of_them(columns):
    some = columns.headers().of(np.array([2, 3]))
    assert some == {number: FOUND[number] for number in (2, 3)}
    assert some.count_notes() == {"strange": 1}


def test_columns_fill_others(columns):
    other = HeaderColumns(9)
    numbers = np.array(list(FOUND))
    other.fill(numbers + 3, columns.columns(numbers))
    assert other.headers() == {number + 3: header for number, header in FOUND.items()}


def test_it_has_every_field_of_a_header_and_few_bytes():
    assert COLUMNS.names == Header._fields
    assert COLUMNS.itemsize <= 24
