"""Whether two data sets hold the same images: told by their number, their shape and the pixels of some of them."""

import base64
import hashlib

import numpy as np
import numpy.typing as npt

from aag_tf.data.images import Images

SAMPLES = 64
CELLS = 4
# Of the mean level of a cell: more than decoders differ by, and less than pictures do in some cell of some sample.
ALIKE = 8


def fingerprint(images: Images) -> str:
    """Number, shape and pixels of `SAMPLES` images that are spread evenly, as text.

    SHA-256 of all that in hexadecimal, a colon, and the outlines of the samples in base64: the mean level of each of
    4x4 cells, which are about the same where another decoder gives slightly other pixels.
    """
    digest = hashlib.sha256(f"{len(images)} {tuple(images.shape)}\n".encode())
    rows = np.unique(np.linspace(0, len(images) - 1, SAMPLES).round().astype(np.int64))
    samples = images.numpy(rows)
    digest.update(samples.tobytes())
    # One at a time, since they become floats, of eight times the size.
    outlines = np.concatenate([_outlines(sample[np.newaxis]) for sample in samples])
    return f"{digest.hexdigest()}:{base64.b64encode(outlines.tobytes()).decode()}"


def same_pixels(first: str, second: str) -> bool:
    """Whether two fingerprints are of images that do not differ in one sampled pixel."""
    return first.partition(":")[0] == second.partition(":")[0]


def same_pictures(first: str, second: str) -> bool:
    """Whether two fingerprints are of the same pictures in the same order, though some pixels may differ.

    Fingerprints of before there were outlines are taken to be.
    """
    outlines = [fingerprint.partition(":")[2] for fingerprint in (first, second)]
    if not all(outlines):
        return True
    levels = [np.frombuffer(base64.b64decode(outline), np.uint8).astype(int) for outline in outlines]
    return levels[0].shape == levels[1].shape and int(np.abs(levels[0] - levels[1]).max()) <= ALIKE


def _outlines(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Mean levels of cells, uint8 [n, 4, 4]."""
    gray = images.mean(axis=3)
    bands = np.array_split(gray, CELLS, axis=1)
    cells = [[cell.mean(axis=(1, 2)) for cell in np.array_split(band, CELLS, axis=2)] for band in bands]
    return np.moveaxis(np.array(cells), 2, 0).round().astype(np.uint8)
