"""JPEG files of every flavor: coding, colors, markers and orientations; parts of `picture_flavors.py`."""

import base64
import struct

import numpy as np
from flavors_photograph import encode, photograph, rotated
from PIL import Image

# By `jpegtran -arithmetic`; no library of Python writes it.
ARITHMETIC = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYV"
    "pQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//yQARCAAY"
    "ACADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwDQp3rgJIx99qs3AB0CNOVG04g4KsoaO69v+Lyp4kByUlj5yrRgJrmpysTOQj"
    "D2BLQH4U6mqPRJuJaFhSbO5VyUNaRlSSG2m5WDwNbAfn/gjYIy4/bHBwoPXg/2JM30sTGlSAc9my/yGeWYvYvHjiF8BoSmD1MriFtgjsMtYvfI"
    "nbIiuwVFrVLM8PQL97L5qCnOZGxJLuL4NzngRKrr8C6IilooG3Kohr3jp3iA7zz1rzcKgZZwPaMn4ky12nHWSYUHT4IHzmYBksvM/9k="
)


def jpegs() -> dict[str, bytes]:
    """Gray, color and ink; baseline, progressive, arithmetic and lossless; with and without Adobe's marker."""
    photo, gray = photograph(), photograph().convert("L")
    ink = encode(photo.convert("CMYK"), "JPEG", quality=90)
    plain = encode(photo, "JPEG")
    files = {
        "plain": plain,
        "progressive": encode(photo, "JPEG", progressive=True),
        "optimized": encode(photo, "JPEG", optimize=True),
        "restart markers": encode(photo, "JPEG", restart_marker_blocks=1),
        "progressive restart markers": encode(photo, "JPEG", progressive=True, restart_marker_rows=1),
        "4:4:4": encode(photo, "JPEG", subsampling=0),
        "4:2:2": encode(photo, "JPEG", subsampling=1),
        "stored as RGB": encode(photo, "JPEG", keep_rgb=True),
        "gray": encode(gray, "JPEG"),
        "progressive gray": encode(gray, "JPEG", progressive=True),
        "coarse": encode(photo, "JPEG", quality=5),
        "of ink": ink,
        "of ink without Adobe's marker": without_segments(ink, 0xEE),
        "progressive of ink": encode(photo.convert("CMYK"), "JPEG", progressive=True),
        "with a comment": encode(photo, "JPEG", comment=b"Exif\0\0 is no EXIF here"),
        "with a color profile": encode(photo, "JPEG", icc_profile=bytes(range(256)) * 300),
        "with XMP": encode(photo, "JPEG", xmp=b"<x:xmpmeta/>" * 50),
        "without JFIF": without_segments(plain, 0xE0),
        "with bytes behind": plain + b"\xff\xda\0video\xff\xd8\xff\xe0" * 40,
        "with fill bytes": plain.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
        "of two pictures": encode(photo, "MPO", save_all=True, append_images=[photo.rotate(180)]),
        "of another size": encode(photograph(37, 50), "JPEG"),
        "of a large size": encode(photograph(240, 330), "JPEG"),
        "progressive of a large size": encode(photograph(240, 330), "JPEG", progressive=True),
        "of ink of a large size": encode(photograph(240, 330).convert("CMYK"), "JPEG"),
        "of one pixel": encode(photograph(1, 1), "JPEG"),
        "transformed by Adobe's marker": with_segment(plain, 0xEE, b"Adobe\0\x64\0\0\0\0\1"),
        "denied by Adobe's marker": with_segment(plain, 0xEE, b"Adobe\0\x64\0\0\0\0\0"),
        "of transformed ink": _of_transformed_ink(photo),
        "coded arithmetically": base64.b64decode(ARITHMETIC),
    }
    files |= {f"of orientation {turn}": encode(photo, "JPEG", exif=rotated(turn)) for turn in range(1, 9)}
    try:
        import imagecodecs
    except ImportError:  # these are refused by all readers
        return files
    deep = np.asarray(photo, np.uint16) * 16
    return files | {
        "lossless": imagecodecs.jpeg8_encode(np.asarray(photo), lossless=True),
        "lossless gray": imagecodecs.ljpeg_encode(np.asarray(gray)),
        "of 12 bits": imagecodecs.jpeg8_encode(deep, bitspersample=12),
    }


def without_segments(data: bytes, marker: int) -> bytes:
    """A JPEG file without the segments of a marker before its first scan."""
    kept, at = [data[:2]], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] != marker:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG file with one more segment at its beginning."""
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + data[2:]


def _of_transformed_ink(photo: Image.Image) -> bytes:
    """YCCK: the marker of Adobe says that the first three inks are stored as YCbCr."""
    ycc, black = photo.convert("YCbCr"), Image.new("L", photo.size, 255)
    stored = Image.merge("CMYK", [Image.eval(band, lambda level: 255 - level) for band in (*ycc.split(), black)])
    data = without_segments(encode(stored, "JPEG", quality=90), 0xEE)
    return with_segment(data, 0xEE, b"Adobe\0\x64\0\0\0\0\2")
