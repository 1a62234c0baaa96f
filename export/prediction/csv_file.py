"""`predictions.csv`: the rows of the Parquet files as text, for spreadsheets and scripts."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv

from aag_tf.export.prediction.output import Output
from aag_tf.export.prediction.reading_back import Predictions
from aag_tf.export.prediction.rows import PROBABILITIES
from aag_tf.utils.atomic import open_atomically
from aag_tf.utils.digests import DigestWriter, FileFacts


def write_csv(output: Output, predictions: Predictions, class_names: Sequence[str]) -> FileFacts:
    """Writes the file; returns its facts.

    UTF-8, with a header; text with a comma, a quote or a line break is quoted, and what is null is empty. Probabilities
    of all classes are in a column `probability:NAME` each.
    """
    with open_atomically(output.csv) as file:
        written = DigestWriter(file)
        for number, table in enumerate(_flat(predictions.tables(), class_names)):
            text = pa.BufferOutputStream()
            csv.write_csv(table, text, csv.WriteOptions(include_header=number == 0))
            written.write(text.getvalue().to_pybytes())
    return written.facts


def _flat(tables: Iterator[pa.Table], class_names: Sequence[str]) -> Iterator[pa.Table]:
    """Replaces the lists of probabilities by a column a class."""
    for table in tables:
        if PROBABILITIES not in table.column_names:
            yield table
            continue
        place = table.column_names.index(PROBABILITIES)
        column = table.column(PROBABILITIES).combine_chunks()
        known = np.asarray(column.is_valid())
        numbers = np.zeros((len(column), len(class_names)), np.float32)
        numbers[known] = column.flatten().to_numpy().reshape(-1, len(class_names))
        flat = table.remove_column(place)
        for number, name in enumerate(class_names):
            flat = flat.add_column(place + number, f"probability:{name}", pa.array(numbers[:, number], mask=~known))
        yield flat
