"""The headers of many files as columns: some twenty bytes a file, where objects would take hundreds."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from aag_tf.data.files.formats.decoded import Header

Columns = npt.NDArray[Any]  # structured, of type `COLUMNS`

# The fields of `Header`; a note is a number in a list of notes.
COLUMNS = np.dtype(
    [
        ("height", np.int32),
        ("width", np.int32),
        ("channels", np.int32),
        ("deep", np.bool_),
        ("pages", np.int32),
        ("one_size", np.bool_),
        ("note", np.int32),
        ("decoder", np.uint8),
        ("ends", np.bool_),
    ]
)


class Headers(Mapping[int, Header]):
    """Headers by the numbers of their files.

    Args:
        numbers: int64 [n], of the files, ascending.
        columns: [n], the fields of their headers.
        notes: the texts of notes by their numbers.
    """

    def __init__(self, numbers: npt.NDArray[np.int64], columns: Columns, notes: list[str]) -> None:
        self.numbers = numbers
        self._columns = columns
        self._notes = notes

    @override
    def __len__(self) -> int:
        return len(self.numbers)

    @override
    def __iter__(self) -> Iterator[int]:
        return map(int, self.numbers)

    @override
    def __getitem__(self, number: int) -> Header:
        row = int(np.searchsorted(self.numbers, number))
        if row == len(self) or self.numbers[row] != number:
            raise KeyError(number)
        fields = dict(zip(COLUMNS.names or (), self._columns[row].item(), strict=True))
        return Header(**fields | {"note": self._notes[fields["note"]]})

    def column(self, name: str) -> npt.NDArray[Any]:
        """Returns a field of all headers but `note`: [n]."""
        return self._columns[name]

    def of(self, numbers: npt.NDArray[np.int64]) -> "Headers":
        """Returns the headers of some of the files, int64 [k], ascending."""
        return Headers(numbers, self._columns[self.rows(numbers)], self._notes)

    def rows(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns the places of files in the columns: int64 [k] to int64 [k]."""
        return np.searchsorted(self.numbers, numbers)

    def count_notes(self) -> Counter[str]:
        """Returns how many headers have each note, in the order of the files."""
        found, first, counts = np.unique(self._columns["note"], return_index=True, return_counts=True)
        order = np.argsort(first)
        noted = zip(found[order].tolist(), counts[order].tolist(), strict=True)
        return Counter({self._notes[number]: count for number, count in noted if self._notes[number]})


class HeaderColumns:
    """Headers of a number of files while they are read, in any order and by several threads.

    Args:
        count: number of files.
    """

    def __init__(self, count: int) -> None:
        self.found = np.zeros(count, np.bool_)
        self._columns: Columns = np.zeros(count, COLUMNS)
        self._notes = {"": 0}
        self._lock = threading.Lock()

    def put(self, number: int, header: Header) -> None:
        """Sets the header of a file."""
        fields = header._asdict() | {"note": self._number_of(header.note)}
        self._columns[number] = tuple(fields[name] for name in COLUMNS.names or ())
        self.found[number] = True

    def fill(self, numbers: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Sets the headers of several files, [k] numbers and [k] values of each field; of `note` texts."""
        for name, values in columns.items():
            known = [self._number_of(note) for note in values] if name == "note" else values
            self._columns[name][numbers] = known
        self.found[numbers] = True

    def columns(self, numbers: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Returns the fields of several files, as `fill` takes them."""
        columns = {name: self._columns[name][numbers] for name in COLUMNS.names or ()}
        return columns | {"note": np.array(list(self._notes), object)[columns["note"]]}

    def headers(self) -> Headers:
        """Returns the headers of the files that have one."""
        columns = self._columns if self.found.all() else self._columns[self.found]
        return Headers(np.flatnonzero(self.found), columns, list(self._notes))

    def _number_of(self, note: str) -> int:
        if note not in self._notes:
            with self._lock:
                self._notes.setdefault(note, len(self._notes))
        return self._notes[note]
