"""Predictions read back from their Parquet files, a row group at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aag_tf.export.embedding import shards
from aag_tf.export.prediction.manifest import Manifest
from aag_tf.export.prediction.output import Output
from aag_tf.export.prediction.rows import ERROR, LABEL, MARGIN, OK, PATH, PROBABILITY, SECOND

MEND = "give the aag-predict command again with --resume, which writes it anew"


class Uncertain(NamedTuple):
    """An image whose two most probable classes are close.

    Args:
        row: its number in the input.
        path: its path.
        label, second_label: the two classes.
        probability: of the first.
        margin: how much more probable it is than the second.
    """

    row: int
    path: str
    label: str
    second_label: str
    probability: float
    margin: float


class Predictions:
    """The rows of an output whose Parquet files are complete.

    Args:
        output: the directory.
        manifest: its manifest, of a listed input.
    """

    def __init__(self, output: Output, manifest: Manifest) -> None:
        self._output, self._manifest = output, manifest

    def __len__(self) -> int:
        """Number of images, classified or not."""
        return self._manifest.input["rows"]

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All rows, some thousands at a time; of all columns, or of some.

        Raises:
            DamagedFileError: a file is missing or damaged.
        """
        count = len(shards.split_rows(len(self), self._manifest.settings.shard_size))
        for number in range(count):
            with shards.open_shard(self._output.shard(number, count), mend=MEND) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns=columns)

    def counts(self) -> dict[str, int]:
        """The number of images of every class, the most frequent first."""
        found: Counter[str] = Counter(dict.fromkeys(self._manifest.model.class_names, 0))
        for table in self.tables([LABEL]):
            for pair in pc.value_counts(table.column(LABEL).drop_null()).to_pylist():
                found[pair["values"]] += pair["counts"]
        return dict(found.most_common())

    def broken(self, most: int) -> list[tuple[str, str]]:
        """(path, error) of the first images without a label, at most `most`."""
        found: list[tuple[str, str]] = []
        for table in self.tables([PATH, OK, ERROR]):
            bad = table.filter(pc.invert(table.column(OK))).slice(0, most - len(found))
            found += [(row[PATH], row[ERROR]) for row in bad.to_pylist()]
            if len(found) == most:
                break
        return found

    def least_certain(self, most: int) -> list[Uncertain]:
        """The images of the smallest margins, smallest first; of equal ones the first in the input."""
        found: list[Uncertain] = []
        start = 0
        for table in self.tables([PATH, LABEL, SECOND, PROBABILITY, MARGIN]):
            margins = table.column(MARGIN).to_numpy()  # NaN for an image without a label
            rows = np.argsort(margins, kind="stable")[:most]
            chosen = table.take(rows[~np.isnan(margins[rows])])
            found += [
                Uncertain(start + int(row), *(each[name] for name in (PATH, LABEL, SECOND, PROBABILITY, MARGIN)))
                for row, each in zip(rows, chosen.to_pylist(), strict=False)
            ]
            found = sorted(found, key=lambda image: (image.margin, image.row))[:most]
            start += len(table)
        return found
