"""DICOM, by pydicom, an extra: every frame in the numbers of its modality, as Hounsfield units of a CT.

The windows that files ask to be shown by are taken for the range of the data set where `--value_range` is `auto`.
MONOCHROME1 is inverted.
"""

from typing import Any, BinaryIO

import numpy as np

from aag_tf.data.files.formats.decoded import Decoded, Header, Want, alone_if_large, require_few_pages, require_pixels
from aag_tf.data.files.formats.extras import require_extra
from aag_tf.utils.errors import DataError

HEAD = 4096  # bytes that the description of the file's coding lies in
DEFLATED = b"1.2.840.10008.1.2.1.99"  # pydicom would unpack the whole file, whatever its size
# Transfer syntaxes whose decoders come with pydicom, Pillow and NumPy.
PLAIN = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
PACKED = {
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
GRAY = {"MONOCHROME1": True, "MONOCHROME2": False}  # whether the lowest value is white
COLORS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}


def read_header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads size, color and number of frames."""
    facts = _facts(file, max_pixels)
    bits, gray = int(facts.BitsAllocated), facts.PhotometricInterpretation in GRAY
    return Header(facts.Rows, facts.Columns, 1 if gray else 3, gray or bits > 8, _frames(facts))


def read_page(file: BinaryIO, page: int, want: Want) -> Decoded:
    """Decodes one frame."""
    pydicom = require_extra("pydicom", "dicom", "a DICOM file")
    facts = _facts(file, want.max_pixels)
    if page >= _frames(facts):
        raise DataError("the page is missing or broken")
    file.seek(0)
    try:
        with alone_if_large(facts.Columns, facts.Rows, facts.SamplesPerPixel):
            pixels = pydicom.pixels.pixel_array(file, index=page)
        values = pydicom.pixels.apply_modality_lut(pixels, facts)
    except Exception as error:  # pydicom and its decoders raise many classes
        raise DataError(f"a DICOM file that is damaged ({' '.join(str(error).split())[:100]})") from error
    values = values.reshape(facts.Rows, facts.Columns, -1)
    return Decoded(values, inverted=GRAY.get(facts.PhotometricInterpretation, False), window=_window(facts))


def _facts(file: BinaryIO, max_pixels: int) -> Any:
    """Reads the data set without its pixels, and refuses what is not decoded."""
    pydicom = require_extra("pydicom", "dicom", "a DICOM file")
    file.seek(0)
    if DEFLATED in file.read(HEAD):
        raise DataError("a DICOM file that is deflated as a whole; save it uncompressed")
    file.seek(0)
    try:
        facts = pydicom.dcmread(file, stop_before_pixels=True)
        syntax = str(facts.file_meta.TransferSyntaxUID)
        rows, columns, kind = int(facts.Rows), int(facts.Columns), str(facts.PhotometricInterpretation)
        samples, bits = int(facts.SamplesPerPixel), int(facts.BitsAllocated)
        name = facts.file_meta.TransferSyntaxUID.name
    except Exception as error:  # pydicom raises many classes
        raise DataError("a DICOM file without a picture, or damaged") from error
    if syntax not in PLAIN and syntax not in PACKED:
        raise DataError(f"a DICOM file compressed as {name}, which is not read; save it uncompressed")
    if (samples, kind in GRAY, kind in COLORS) not in ((1, True, False), (3, False, True)) or bits not in (8, 16, 32):
        raise DataError(f"a DICOM file of {samples} samples of {bits} bits in {kind}, which is not read")
    require_pixels(columns, rows, max_pixels, samples)
    require_few_pages(_frames(facts))
    return facts


def _frames(facts: Any) -> int:
    try:
        return max(1, int(facts.get("NumberOfFrames", 1) or 1))
    except (TypeError, ValueError):
        return 1


def _window(facts: Any) -> tuple[float, float] | None:
    """Lowest and highest value of the first window of a file, as PS3.3 C.11.2.1.2 defines it."""
    try:
        center, width = (
            np.atleast_1d(np.asarray(facts[name].value, np.float64))[0] for name in ("WindowCenter", "WindowWidth")
        )
    except Exception:  # absent, or written wrong
        return None
    if not np.isfinite([center, width]).all() or width <= 1:
        return None
    return float(center - 0.5 - (width - 1) / 2), float(center - 0.5 + (width - 1) / 2)
