"""Fingerprints that tell whether two data sets hold the same images: count, shape and the pixels of a sample."""

import base64
import hashlib

import numpy as np
import numpy.typing as npt

from aag_tf.data.images.base import Images

SAMPLES = 64
CELLS = 4  # along each side of a sample
# Largest difference of a cell's mean level for which two samples count as the same picture: decoders differ by less,
# and two different data sets by more in some cell of some sample.
ALIKE = 8


def fingerprint(images: Images) -> str:
    """Returns a fingerprint of the number and the shape of the images and of `SAMPLES` evenly spaced ones.

    It is the SHA-256 of number, shape and pixels in hexadecimal, a colon, and in base64 the mean levels of 4x4 cells of
    each sample, which stay about the same if another decoder gives slightly different pixels.
    """
    digest = hashlib.sha256(f"{len(images)} {tuple(images.shape)}\n".encode())
    rows = np.unique(np.linspace(0, len(images) - 1, SAMPLES).round().astype(np.int64))
    samples = images.numpy(rows)
    digest.update(samples.tobytes())
    # One sample at a time, because the floats take eight times the memory.
    levels = np.concatenate([_cell_levels(sample[np.newaxis]) for sample in samples])
    return f"{digest.hexdigest()}:{base64.b64encode(levels.tobytes()).decode()}"


def same_pixels(first: str, second: str) -> bool:
    """Whether two fingerprints come from images that agree in every sampled pixel."""
    return first.partition(":")[0] == second.partition(":")[0]


def same_pictures(first: str, second: str) -> bool:
    """Whether two fingerprints come from the same pictures in the same order, apart from differences of decoders.

    True also if one of them is an old fingerprint, which has no cell levels to compare.
    """
    encoded = [fingerprint.partition(":")[2] for fingerprint in (first, second)]
    if not all(encoded):
        return True
    levels = [np.frombuffer(base64.b64decode(text), np.uint8).astype(int) for text in encoded]
    return levels[0].shape == levels[1].shape and int(np.abs(levels[0] - levels[1]).max()) <= ALIKE


def _cell_levels(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Mean gray level of each cell: uint8 [n, h, w, c] -> uint8 [n, 4, 4]."""
    gray = images.mean(axis=3)
    bands = np.array_split(gray, CELLS, axis=1)
    cells = [[cell.mean(axis=(1, 2)) for cell in np.array_split(band, CELLS, axis=2)] for band in bands]
    return np.moveaxis(np.array(cells), 2, 0).round().astype(np.uint8)
