"""Which module reads which format: an explicit table, whose modules are imported when a file asks for them."""

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from PIL import Image

from aag_tf.data.files.formats import sniffing
from aag_tf.data.files.formats.decoded import Decoded, Format, InOnePass, Want
from aag_tf.utils.errors import AagError, DataError, one_line

PILLOW, JPEG, PNG, GIF, WEBP, TIFF, NUMPY, DICOM = (
    f"aag_tf.data.files.formats.{name}"
    for name in ("pillow", "jpeg", "png", "gif", "webp", "tiff", "numpy_file", "dicom")
)
MODULES: dict[str, str] = {
    sniffing.JPEG: JPEG,
    sniffing.PNG: PNG,
    sniffing.GIF: GIF,
    sniffing.WEBP: WEBP,
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


IN_ONE_PASS = (PILLOW, PNG, GIF, WEBP)  # modules that are `decoded.InOnePass`


def read_pages(reader: Format, file: BinaryIO, pages: Sequence[int], want: Want) -> Iterator[Decoded | Exception]:
    """Decodes pages in ascending order; yields the error in place of one that is broken."""
    if getattr(reader, "__name__", None) in IN_ONE_PASS:
        yield from cast(InOnePass, reader).read_pages(file, pages, want)
        return
    for page in pages:
        try:
            yield reader.read_page(file, page, want)
        except Exception as error:  # decoders raise many classes
            yield error


@contextlib.contextmanager
def format_of(file: BinaryIO) -> Iterator[Format]:
    """Yields the module that reads a file, by its first bytes.

    Raises:
        DataError: there is none, and it says which format that is; or the module fails at a damaged file.
        OSError: the system cannot read the file.
    """
    file.seek(0)
    name = sniffing.require_known(file.read(sniffing.HEAD))
    try:
        yield cast(Format, importlib.import_module(MODULES[name]))
    except Image.UnidentifiedImageError as error:
        raise DataError(f"{sniffing.described(name)} whose header is damaged") from error
    except (AagError, MemoryError):
        raise
    except Exception as error:  # decoders raise many classes
        if isinstance(error, OSError) and error.strerror:  # of the system, not of the decoder
            raise
        why = one_line(error, 100) or type(error).__name__
        raise DataError(f"{sniffing.described(name)} that is damaged ({why})") from error
