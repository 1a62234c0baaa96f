"""Tells the format of a file by its first bytes, whatever its name: those that are read, and those that people have."""

import re
from typing import NamedTuple

from aag_tf.utils.errors import DataError

HEAD = 4096  # bytes that are looked at; a comment may stand before an SVG picture


class Kind(NamedTuple):
    """What a file is by its first bytes.

    Args:
        name: of the format.
        advice: what to do with a file that is not read; empty for a format of `aag_tf.data.files.formats.table`.
    """

    name: str
    advice: str = ""


CONVERT = "convert it to PNG or JPEG"
EXPORT = "export it as TIFF or PNG"
NO_PICTURE = "it is no picture"

JPEG, PNG, GIF, WEBP, BMP = "JPEG", "PNG", "GIF", "WebP", "BMP"
PNM, TIFF, AVIF, JPEG_2000, DICOM, NPY, ZIP = "PNM", "TIFF", "AVIF", "JPEG 2000", "DICOM", "NumPy", "NumPy archive"

# Offset and bytes; the first that match decide, so that camera raw files stand before the TIFF that they look like.
STARTS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\xff\xd8\xff", Kind(JPEG)),
    (0, b"\x89PNG\r\n\x1a\n", Kind(PNG)),
    (0, b"GIF87a", Kind(GIF)),
    (0, b"GIF89a", Kind(GIF)),
    (8, b"WEBP", Kind(WEBP)),
    (8, b"CR\x02\0", Kind("camera raw (CR2)", EXPORT)),
    (0, b"II*\0", Kind(TIFF)),
    (0, b"MM\0*", Kind(TIFF)),
    (0, b"II+\0", Kind(TIFF)),
    (0, b"MM\0+", Kind(TIFF)),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind(JPEG_2000)),
    (0, b"\xff\x4f\xff\x51", Kind(JPEG_2000)),
    (128, b"DICM", Kind(DICOM)),
    (0, b"\x93NUMPY", Kind(NPY)),
    (0, b"PK\x03\x04", Kind(ZIP)),
    (0, b"\xff\x0a", Kind("JPEG XL", CONVERT)),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Kind("JPEG XL", CONVERT)),
    (0, b"II\xbc\x01", Kind("JPEG XR", CONVERT)),
    (0, b"8BPS", Kind("Photoshop (PSD)", EXPORT)),
    (0, b"gimp xcf", Kind("GIMP (XCF)", EXPORT)),
    (0, b"%PDF", Kind("PDF", CONVERT)),
    (0, b"%!PS", Kind("PostScript", CONVERT)),
    (0, b"\xc5\xd0\xd3\xc6", Kind("PostScript", CONVERT)),
    (0, b"FUJIFILMCCD-RAW", Kind("camera raw (RAF)", EXPORT)),
    (0, b"IIRO", Kind("camera raw (ORF)", EXPORT)),
    (0, b"IIRS", Kind("camera raw (ORF)", EXPORT)),
    (0, b"MMOR", Kind("camera raw (ORF)", EXPORT)),
    (0, b"IIU\0", Kind("camera raw (RW2)", EXPORT)),
    (0, b"FOVb", Kind("camera raw (X3F)", EXPORT)),
    (0, b"\x76\x2f\x31\x01", Kind("OpenEXR", EXPORT)),
    (0, b"#?RADIANCE", Kind("Radiance HDR", EXPORT)),
    (0, b"SIMPLE  =", Kind("FITS", EXPORT)),
    (0, b"\x89HDF\r\n\x1a\n", Kind("HDF5", EXPORT)),
    (0, b"DDS ", Kind("DirectDraw (DDS)", CONVERT)),
    (0, b"qoif", Kind("QOI", CONVERT)),
    (0, b"\0\0\x01\0", Kind("icon (ICO)", CONVERT)),
    (0, b"icns", Kind("icon (ICNS)", CONVERT)),
    (0, b"\xd7\xcd\xc6\x9a", Kind("Windows metafile", CONVERT)),
    (8, b"AVI ", Kind("video (AVI)", NO_PICTURE)),
    (8, b"WAVE", Kind("sound (WAV)", NO_PICTURE)),
    (0, b"\x1aE\xdf\xa3", Kind("video (Matroska)", NO_PICTURE)),
    (0, b"\x1f\x8b", Kind("gzip archive", "unpack it")),
    (0, b"BZh", Kind("bzip2 archive", "unpack it")),
    (0, b"\xfd7zXZ\0", Kind("xz archive", "unpack it")),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("7z archive", "unpack it")),
    (0, b"Rar!", Kind("RAR archive", "unpack it")),
    (257, b"ustar", Kind("tar archive", "unpack it")),
    (0, b"\x7fELF", Kind("program", NO_PICTURE)),
    (0, b"PAR1", Kind("Parquet table", NO_PICTURE)),
    (0, b"version https://git-lfs", Kind("pointer of Git LFS", "fetch the file with `git lfs pull`")),
)
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes of the header after that of the file, in all its versions


def identify(head: bytes) -> Kind | None:
    """Returns what a file is by its first `HEAD` bytes; `None` if that is not known."""
    if not head:
        return Kind("empty file", "it holds nothing")
    for offset, start, kind in STARTS:
        if head.startswith(start, offset) and (offset != 8 or head[:4] in (b"RIFF", b"II*\0")):
            return kind
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return Kind(BMP)
    if re.match(rb"P[1-6f]\s", head):
        return Kind(PNM)
    return _of_text(head)


def require_known(head: bytes) -> str:
    """Returns the name of a format of the table.

    Raises:
        DataError: the file is of no format that is read; one phrase says which it is, and what to do.
    """
    kind = identify(head)
    if kind is None:
        raise DataError("not a picture in a known format")
    if kind.advice:
        raise DataError(f"{described(kind.name)}, which is not read: {kind.advice}")
    return kind.name


def described(name: str) -> str:
    """A format with its article, such as `a JPEG file` or `an empty file`."""
    what = name if name[0].islower() else f"{name} file"
    return f"{'an' if name[0] in 'aeio' or name == AVIF else 'a'} {what}"


def _of_brands(head: bytes) -> Kind:
    """ISO media: a main brand, and others that the file is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return Kind(AVIF)
    if brands & HEIF_BRANDS:
        return Kind("HEIC", CONVERT)
    if head[8:12] == b"crx ":
        return Kind("camera raw (CR3)", EXPORT)
    return Kind("video (MP4)", NO_PICTURE)


def _of_text(head: bytes) -> Kind | None:
    try:
        # A character may be cut at the end of the head.
        text = head.decode("utf-8", "strict" if len(head) < HEAD else "ignore").lstrip("\ufeff \t\r\n").lower()
    except UnicodeDecodeError:
        return None
    if re.search(r"<svg[\s>]", text):
        return Kind("SVG", CONVERT)
    if text.startswith(("<!doctype html", "<html")):
        return Kind("web page (HTML)", NO_PICTURE)
    if any(ord(sign) < 9 or 13 < ord(sign) < 32 for sign in text):
        return None
    return Kind("text file", NO_PICTURE)
