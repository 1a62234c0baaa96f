"""Which module reads which format: an explicit table, whose modules are imported when a file asks for them."""

import importlib
from typing import BinaryIO, cast

from aag_tf.data.formats import sniffing
from aag_tf.data.formats.decoded import Format

PILLOW, PNG, TIFF, NUMPY, DICOM = (
    f"aag_tf.data.formats.{name}" for name in ("pillow", "png", "tiff", "numpy_file", "dicom")
)
MODULES: dict[str, str] = {
    sniffing.JPEG: PILLOW,
    sniffing.PNG: PNG,
    sniffing.GIF: PILLOW,
    sniffing.WEBP: PILLOW,
    sniffing.BMP: PILLOW,
    sniffing.PNM: PILLOW,
    sniffing.AVIF: PILLOW,
    sniffing.JPEG_2000: PILLOW,
    sniffing.TIFF: TIFF,
    sniffing.NPY: NUMPY,
    sniffing.ZIP: NUMPY,
    sniffing.DICOM: DICOM,
}
# By these names files are found in folders; what they hold is told by their first bytes.
SUFFIXES = (
    *(".avif", ".avifs", ".bmp", ".dcm", ".dib", ".gif", ".j2c", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpf"),
    *(".jpg", ".jpx", ".npy", ".apng", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)


def format_of(file: BinaryIO) -> Format:
    """Returns the module that reads a file, by its first bytes.

    Raises:
        DataError: there is none; it says which format that is.
    """
    file.seek(0)
    name = sniffing.require_known(file.read(sniffing.HEAD))
    return cast(Format, importlib.import_module(MODULES[name]))
