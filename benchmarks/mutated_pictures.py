"""Good picture files of every format that is read, and broken ones made of them, from one seed.

for broken in mutated_pictures(10_000, seed=0):
    broken.name, broken.kind, broken.data
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 48
EXTREMES = (0, 1, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
BOMB = 2**28  # bytes that a few kilobytes unpack to


class Broken(NamedTuple):
    """One file: name of the format that it was, how it was broken, and its content."""

    name: str
    kind: str
    data: bytes


def mutated_pictures(count: int, seed: int = 0) -> Iterator[Broken]:
    """Yields `count` files that cycle through formats and kinds; the same seed gives the same bytes."""
    good, bombs = good_files(), bomb_files()
    pairs = [(name, kind) for kind in KINDS for name in good] + [(name, "bomb") for name in bombs]
    for number in range(count):
        name, kind = pairs[number % len(pairs)]
        rng = np.random.default_rng([seed, number])
        yield Broken(name, kind, bombs[name] if kind == "bomb" else KINDS[kind](rng, good[name]))


def good_files() -> dict[str, bytes]:
    """`{format: file}`, of pictures that are smooth with a little noise."""
    y, x = np.mgrid[:SIDE, :SIDE]
    noise = np.random.default_rng(0).integers(0, 20, (SIDE, SIDE))
    gray = (2 * x + 2 * y + noise).astype(np.uint8)
    color = np.stack([gray, gray.T, gray[::-1]], axis=-1)
    deep = gray.astype(np.uint16) * 16
    bands = np.stack([deep, deep.T, deep[::-1], deep[:, ::-1], deep // 2], axis=-1)
    frames = [color, color[::-1], color[:, ::-1]]
    return {
        "JPEG": _encode(color, "JPEG"),
        "progressive JPEG": _encode(color, "JPEG", progressive=True),
        "MPO": _moving(frames, "MPO"),
        "PNG": _encode(np.dstack([color, gray]), "PNG"),
        "16-bit PNG": _encode(deep, "PNG"),
        "16-bit color PNG": deep_png(bands[..., :4]),
        "animated PNG": _moving(frames, "PNG"),
        "animated GIF": _moving(frames, "GIF"),
        "WebP": _encode(color, "WEBP"),
        "animated WebP": _moving(frames, "WEBP"),
        "BMP": _encode(color, "BMP"),
        "PPM": _encode(color, "PPM"),
        "AVIF": _encode(color, "AVIF"),
        "JPEG 2000": _encode(color, "JPEG2000"),
        "TIFF": _moving(frames, "TIFF"),
        "LZW TIFF": _encode(color, "TIFF", compression="tiff_lzw"),
        "JPEG TIFF": _encode(color, "TIFF", compression="jpeg"),
        "floating-point TIFF": _encode(deep.astype(np.float32), "TIFF"),
        "TIFF of bands": _tiff(bands, photometric="minisblack", planarconfig="contig"),
        "tiled TIFF of bands": _tiff(
            bands, photometric="minisblack", planarconfig="contig", tile=(16, 16), compression="zlib", predictor=True
        ),
        "planar BigTIFF": _tiff(np.moveaxis(bands, 2, 0), photometric="minisblack", bigtiff=True, compression="lzw"),
        "NumPy": _npy(bands),
        "NumPy archive": _npz(_npy(color)),
        "DICOM": dicom(np.stack([deep, deep.T]).astype(np.int16)),
    }


def bomb_files() -> dict[str, bytes]:
    """Small files that unpack to much, or take long."""
    zeros = np.zeros((1, 1), np.uint8)
    packed = zlib.compress(bytes(BOMB), 9)
    gif = _encode(Image.fromarray(np.zeros((256, 256), np.uint8)), "GIF")
    frame = gif[gif.index(b"\x2c\0\0\0\0") : -1]
    return {
        "TIFF strip that unpacks": _tiff_of_strip(packed, SIDE, SIDE),
        "TIFF of a huge tile": _tiff(zeros, tile=(16, 16)).replace(
            struct.pack("<HHII", 322, 4, 1, 16), struct.pack("<HHII", 322, 4, 1, 2**30)
        ),
        "TIFF of huge tags": _tiff_of_tags(2000, 2**20),
        "NumPy archive that unpacks": _npz(_npy(np.zeros((2**13, 2**13), np.uint8))),
        "GIF of many frames": gif[:-1] + frame * 3000 + b";",
    }


def deep_png(pixels: npt.NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a color and opacity: [h, w, 4]."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 6, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return file


def dicom(frames: npt.NDArray[np.int16]) -> bytes:
    """An uncompressed CT of frames [n, h, w]."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, "1.2.3"
    data.NumberOfFrames, data.Rows, data.Columns = frames.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = frames.astype("<i2").tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _encode(pixels: npt.NDArray[np.generic] | Image.Image, kind: str, **options: object) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _moving(frames: list[npt.NDArray[np.uint8]], kind: str) -> bytes:
    first, *rest = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    return _encode(first, kind, save_all=True, append_images=rest)


def _tiff(pixels: npt.NDArray[np.generic], bigtiff: bool = False, **options: object) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, bigtiff=bigtiff, metadata=None, **options)
    return buffer.getvalue()


def _tiff_of_strip(strip: bytes, width: int, height: int) -> bytes:
    """Two 16-bit bands in one deflated strip."""
    tags = [
        (256, width),
        (257, height),
        (258, 16),
        (259, 8),
        (262, 1),
        (273, 0),
        (277, 2),
        (278, height),
        (279, len(strip)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + strip


def _tiff_of_tags(count: int, size: int) -> bytes:
    """Tags that all claim the same megabyte of the file."""
    entries = b"".join(struct.pack("<HHII", 40_000 + number, 1, size, 8) for number in range(count))
    return struct.pack("<2sHIH", b"II", 42, 8, count) + entries + bytes(size)


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npz(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("arr_0.npy"), content, zipfile.ZIP_DEFLATED)  # without the time of day
    return buffer.getvalue()


def _flipped(rng: np.random.Generator, data: bytes) -> bytes:
    changed = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(len(changed), size=rng.integers(1, 33))
    np.bitwise_xor.at(changed, places, np.uint8(1) << rng.integers(8, size=len(places)).astype(np.uint8))
    return changed.tobytes()


def _flipped_header(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(min(600, len(data)), size=rng.integers(1, 5)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def _extreme_numbers(rng: np.random.Generator, data: bytes) -> bytes:
    """Numbers of the header, or of the last kilobyte (the directories of TIFF), become very large or very small."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 3)):
        at = (
            int(rng.integers(min(600, len(data) - 4))) if rng.random() < 0.6 else len(data) - int(rng.integers(4, 1000))
        )
        struct.pack_into(
            "<I" if rng.random() < 0.5 else ">I", changed, max(at, 0), EXTREMES[rng.integers(len(EXTREMES))]
        )
    return bytes(changed)


def _truncated(rng: np.random.Generator, data: bytes) -> bytes:
    return data[: rng.integers(1, len(data))]


def _spliced(rng: np.random.Generator, data: bytes) -> bytes:
    start, end = sorted(rng.integers(len(data), size=2))
    at = rng.integers(len(data))
    return data[:at] + data[start:end] + data[at:]


def _swapped(rng: np.random.Generator, data: bytes) -> bytes:
    """Two pieces change places, which makes the offsets of TIFF point elsewhere."""
    size = int(rng.integers(4, 64))
    first, second = (int(place) for place in rng.integers(8, max(9, len(data) - size), size=2))
    changed = bytearray(data)
    changed[first : first + size], changed[second : second + size] = (
        data[second : second + size],
        data[first : first + size],
    )
    return bytes(changed)


def _whole(rng: np.random.Generator, data: bytes) -> bytes:
    del rng
    return data


KINDS: dict[str, Callable[[np.random.Generator, bytes], bytes]] = {
    "whole": _whole,
    "flipped bits": _flipped,
    "flipped header": _flipped_header,
    "extreme numbers": _extreme_numbers,
    "truncated": _truncated,
    "spliced": _spliced,
    "swapped": _swapped,
}
