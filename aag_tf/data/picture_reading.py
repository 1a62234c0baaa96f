"""Reads many image files as one set of images: each is tried once, broken ones are left out and named."""

import math
import multiprocessing.pool
import os
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from aag_tf.data import memory, pictures, resizing
from aag_tf.data.file_images import FileImages
from aag_tf.data.images import ArrayImages, Images, Shape
from aag_tf.data.reasons import reason
from aag_tf.data.skipped import Skipped, warn_of_skipped
from aag_tf.utils.errors import DataError
from aag_tf.utils.progress import progress_bar

Result = TypeVar("Result")

FILES_PER_TASK = 16


class ReadPictures(NamedTuple):
    """The files that could be read, and why others could not.

    Args:
        usable: int64 [n], indices of the paths that can be read.
        images: their pictures, in this order.
        skipped: the other paths.
    """

    usable: npt.NDArray[np.int64]
    images: Images
    skipped: Skipped


def read_pictures(name: str, paths: Sequence[str], image_size: int | None) -> ReadPictures:
    """Reads image files at one size and with one number of channels.

    The headers decide on both (one channel only if every file is gray). Then every file is decoded once: into memory if
    all pictures fit, otherwise only to check it, since training decodes it again on every access.

    Args:
        name: name of the data set, for messages.
        paths: the files.
        image_size: value of `--image_size`; see `aag_tf.data.resizing.target_size`.

    Raises:
        DataError: no file can be read.
    """
    broken: dict[str, Exception] = {}
    tried = _try_all(pictures.read_header, paths, "opening", broken)
    headers = {number: header for number, header in enumerate(tried) if header is not None}
    images: Images | None = None
    common: CommonFormat | None = None
    # Repeated if a file that could not be decoded was the only one of another size, or the only one in color.
    while headers and (found := _common_format(headers.values())) != common:
        common = found
        shape = (*resizing.target_size(common.size, image_size), common.channels)
        kept, images = _decode_all([paths[number] for number in headers], shape, broken)
        numbers = list(headers)
        headers = {numbers[row]: headers[numbers[row]] for row in kept}
    good = list(headers)
    if not good or images is None or common is None:
        path, error = next(iter(broken.items()))
        example = f"{path}: {reason(error)}"
        raise DataError(f"none of the {len(paths)} image files of {name} can be read; for example {example}.")
    resizing.warn_of_size(name, common.size, image_size)
    skipped = {path: reason(error) for path, error in broken.items()}
    warn_of_skipped(name, skipped, len(paths))
    return ReadPictures(np.array(good, np.int64), images, skipped)


class CommonFormat(NamedTuple):
    """Height and width of all files (`None` if they differ), and the channels that keep the colors of all."""

    size: tuple[int, int] | None
    channels: int


def _common_format(headers: Collection[pictures.Header]) -> CommonFormat:
    sizes = {(header.height, header.width) for header in headers}
    return CommonFormat(sizes.pop() if len(sizes) == 1 else None, 1 if all(header.gray for header in headers) else 3)


def _decode_all(paths: list[str], shape: Shape, broken: dict[str, Exception]) -> tuple[list[int], Images]:
    """Returns the indices of the files that can be decoded, and their pictures."""
    fits = len(paths) * math.prod(shape) <= memory.MEMORY_LIMIT
    array = np.empty((len(paths) if fits else 0, *shape), np.uint8)
    row_of = {path: row for row, path in enumerate(paths)}

    def decode(path: str) -> bool:
        picture = pictures.decode(path, shape)
        if fits:
            array[row_of[path]] = picture
        return True

    kept = [row for row, done in enumerate(_try_all(decode, paths, "decoding", broken)) if done]
    if fits:
        return kept, ArrayImages(array if len(kept) == len(paths) else array[kept])
    return kept, FileImages([paths[row] for row in kept], shape, pictures.decode)


def _try_all(
    work: Callable[[str], Result], paths: Sequence[str], doing: str, broken: dict[str, Exception]
) -> list[Result | None]:
    """Calls `work(path)` for every path in threads (Pillow releases the GIL); returns `None` where it fails."""

    def attempt(path: str) -> Result | Exception:
        try:
            return work(path)
        except Exception as error:  # decoders raise many classes on broken files
            # Drop the references to stack frames, which would keep the partly decoded pixels in memory.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            return error

    # Pillow warns of odd metadata in files that it can read: one warning for each would hide everything else.
    with warnings.catch_warnings(), multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        outcomes = []
        with progress_bar(f"{doing} images", len(paths), "file") as bar:
            for outcome in pool.imap(attempt, paths, chunksize=FILES_PER_TASK):
                outcomes.append(outcome)
                bar.update()
    broken |= {path: outcome for path, outcome in zip(paths, outcomes, strict=True) if isinstance(outcome, Exception)}
    return [None if isinstance(outcome, Exception) else outcome for outcome in outcomes]
