"""Reads and decodes images to batches of pixels, in order, by threads that work a little ahead of the encoder."""

import collections
import concurrent.futures
import dataclasses
import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config import InputConfig
from aag_tf.data.files import pictures
from aag_tf.data.files.pictures import AS_IT_IS
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.trying import quiet_decoders
from aag_tf.data.images.base import Shape
from aag_tf.export.embedding.items import Item
from aag_tf.runs import RunRecord
from aag_tf.runs.classifier_record import ClassifierRecord

BATCHES_AHEAD = 2  # so that a batch is ready whenever the encoder is; more would only take memory
IMAGES_PER_TASK = 16


def reading_of(config: InputConfig, record: RunRecord | ClassifierRecord) -> Reading:
    """Returns how images are read: as in training, up to `--max_pixels`."""
    return dataclasses.replace(record.reading, max_pixels=config.max_pixels or record.reading.max_pixels)


class Batch(NamedTuple):
    """Some images of an input, in its order.

    Args:
        names: [b].
        pixels: uint8 [b, h, w, c]; black for an image that could not be read, so that every image keeps its row.
        errors: [b], `None` for an image that was read.
    """

    names: list[str]
    pixels: npt.NDArray[np.uint8]
    errors: list[str | None]


def read_batches(
    items: Iterable[Item],
    shape: Shape,
    sizes: Iterable[int],
    threads: int | None = None,
    *,
    reading: Reading = AS_IT_IS,
) -> Iterator[Batch]:
    """Decodes images as training does (`aag_tf.data.files.pictures.decode`).

    At most `BATCHES_AHEAD` batches wait for the caller.

    Args:
        items: the images.
        shape: (height, width, channels) of the pixels.
        sizes: number of images of every batch; ends with these or with the images.
        threads: number of threads, one for each CPU core when `None`.
        reading: of the encoder's training.
    """
    remaining, wanted = iter(items), iter(sizes)
    waiting: collections.deque[tuple[Batch, list[concurrent.futures.Future[None]]]] = collections.deque()
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        quiet_decoders()

        def submit(chosen: list[Item]) -> None:
            count = len(chosen)
            batch = Batch([item.name for item in chosen], np.zeros((count, *shape), np.uint8), [None] * count)
            parts = range(0, count, IMAGES_PER_TASK)
            waiting.append((batch, [pool.submit(_fill, batch, chosen, start, reading) for start in parts]))

        try:
            while True:
                while len(waiting) <= BATCHES_AHEAD and (chosen := list(itertools.islice(remaining, next(wanted, 0)))):
                    submit(chosen)
                if not waiting:
                    return
                batch, tasks = waiting.popleft()
                for task in tasks:
                    task.result()
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)


def _fill(batch: Batch, items: list[Item], start: int, reading: Reading) -> None:
    """Reads the images of one task into their rows."""
    shape = batch.pixels.shape[1:]
    for row, item in enumerate(items[start : start + IMAGES_PER_TASK], start):
        try:
            with item.open() as file:
                batch.pixels[row] = pictures.decode(file, shape, reading, item.page)
        except Exception as error:  # decoders raise many classes for broken files
            batch.errors[row] = reason(error)
