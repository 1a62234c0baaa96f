"""From batches of pixels to rows of predictions, and from these to Parquet."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aag_tf.export.embedding.reading import Batch
from aag_tf.export.embedding.shards import ROWS_AT_ONCE
from aag_tf.runs.exported_classifier import SavedClassifier
from aag_tf.utils.text import printable

PATH, LABEL, PROBABILITY, SECOND, MARGIN, OK, ERROR = (
    *("path", "label", "probability", "second_label", "margin", "ok", "error"),
)
PROBABILITIES = "probabilities"


class Predicted(NamedTuple):
    """Classified images.

    Args:
        paths: [n].
        probabilities: float32 [n, classes]; zeros for an image without a label.
        errors: [n], `None` where the image was classified.
    """

    paths: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    errors: Sequence[str | None]


def schema(*, all_probabilities: bool) -> pa.Schema:
    """Columns: path, label, probability, second_label, margin, probabilities if asked for, ok and error.

    Of an image without a label all but path, ok and error are null.
    """
    numbers = [pa.field(PROBABILITIES, pa.list_(pa.float32()))] if all_probabilities else []
    return pa.schema(
        [
            pa.field(PATH, pa.string(), nullable=False),
            pa.field(LABEL, pa.string()),
            pa.field(PROBABILITY, pa.float32()),
            pa.field(SECOND, pa.string()),
            pa.field(MARGIN, pa.float32()),
            *numbers,
            pa.field(OK, pa.bool_(), nullable=False),
            pa.field(ERROR, pa.string()),
        ]
    )


def classify_batch(model: SavedClassifier, batch: Batch) -> Predicted:
    """Classifies a batch; an image that could not be read, or whose probabilities are not finite, has an error."""
    errors = list(batch.errors)
    probabilities = np.zeros((len(errors), len(model.class_names)), np.float32)
    if not all(errors):
        probabilities = model(batch.pixels).probabilities
    for row in np.flatnonzero(~np.isfinite(probabilities).all(axis=1)):
        errors[row] = errors[row] or "the classifier gives probabilities that are not finite"
    probabilities[[error is not None for error in errors]] = 0
    return Predicted(batch.names, probabilities, errors)


def to_table(rows: Predicted, class_names: Sequence[str], columns: pa.Schema) -> pa.Table:
    """Converts rows to a table with the columns of `schema`."""
    missing = np.array([error is not None for error in rows.errors], np.bool_)
    places = np.arange(len(missing))
    # Of equally probable classes the first goes before, as in the model's own labels.
    order = np.argsort(-rows.probabilities, axis=1, kind="stable")
    best, second = order[:, 0], order[:, 1]
    highest, next_highest = rows.probabilities[places, best], rows.probabilities[places, second]
    names = pa.array(class_names, pa.string())
    found = {
        PATH: pa.array([printable(path) for path in rows.paths], pa.string()),
        LABEL: names.take(pa.array(best, mask=missing)),
        PROBABILITY: pa.array(highest, mask=missing),
        SECOND: names.take(pa.array(second, mask=missing)),
        MARGIN: pa.array(highest - next_highest, mask=missing),
        OK: pa.array(~missing),
        ERROR: pa.array(rows.errors, pa.string()),
    }
    if PROBABILITIES in columns.names:
        lengths = np.where(missing, 0, len(class_names))
        starts = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), mask=np.append(missing, False))
        found[PROBABILITIES] = pa.ListArray.from_arrays(starts, pa.array(rows.probabilities[~missing].reshape(-1)))
    return pa.Table.from_arrays([found[name] for name in columns.names], schema=columns)


def tables(parts: Iterable[Predicted], class_names: Sequence[str], columns: pa.Schema) -> Iterator[pa.Table]:
    """Converts rows to tables of `ROWS_AT_ONCE` rows; the last may be shorter."""
    waiting: list[pa.Table] = []
    count = 0
    for part in parts:
        waiting.append(to_table(part, class_names, columns))
        count += len(part.paths)
        if count >= ROWS_AT_ONCE:
            together = pa.concat_tables(waiting)
            whole = count - count % ROWS_AT_ONCE
            for start in range(0, whole, ROWS_AT_ONCE):
                yield together.slice(start, ROWS_AT_ONCE)
            waiting, count = [together.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(waiting)
