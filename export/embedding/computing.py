"""Takes batches of images through a model, for the rows of one Parquet file."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import tensorflow as tf

from aag_tf.export.embedding.reading import Batch
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.image_progress import ImageProgress


class Done(Protocol):
    """What a model gives for a batch."""

    @property
    def errors(self) -> Sequence[str | None]:
        """[b], `None` where an image was read."""
        ...


AnyDone = TypeVar("AnyDone", bound=Done)


def compute(
    batches: Iterator[Batch],
    rows: Sequence[int],
    apply: Callable[[Batch], AnyDone],
    progress: ImageProgress,
    *,
    batch_size: int,
    go_on: str,
) -> Iterator[AnyDone]:
    """Yields what a model gives for the batches of some rows.

    Args:
        batches: of these rows and perhaps later ones.
        rows: their numbers in the input.
        apply: the model.
        progress: counts the images.
        batch_size: value of the flag, for messages.
        go_on: the flag that goes on with an output that was stopped.

    Raises:
        EmbeddingError: the input ends too early or can no longer be read, or memory runs out.
    """
    taken = 0
    while taken < len(rows):
        try:
            batch = next(batches, None)
        except (tf.errors.OpError, OSError) as error:  # of TFRecords or TFDS
            raise EmbeddingError(
                f"the input can no longer be read at row {rows[taken]} ({type(error).__name__}); restore it and add "
                f"{go_on}."
            ) from error
        if batch is None:
            raise EmbeddingError(
                f"the input ends at row {rows[taken]}, before all images that were listed; it was changed meanwhile: "
                f"restore it and add {go_on}."
            )
        try:
            done = apply(batch)
        except tf.errors.ResourceExhaustedError as error:
            raise EmbeddingError(
                f"memory ran out at --batch_size={batch_size}; give a smaller one, with {go_on} to go on."
            ) from error
        taken += len(batch.names)
        yield done
        progress.update(len(batch.names), sum(error is not None for error in done.errors))
