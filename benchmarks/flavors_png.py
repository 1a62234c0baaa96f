"""PNG files of every flavor: colors, depths, passes, transparency and chunks; parts of `picture_flavors.py`."""

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from flavors_photograph import encode, photograph, rotated, with_alpha
from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6  # color types of PNG
# First row, first column, step between rows, step between columns.
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


class Chunk(NamedTuple):
    """A chunk of a PNG file."""

    kind: bytes
    data: bytes = b""


def png_file(chunks: Iterable[Chunk]) -> bytes:
    """Returns a file of chunks."""
    parts = [PNG_START]
    for kind, data in chunks:
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(parts)


def png_chunks(data: bytes) -> list[Chunk]:
    """Returns the chunks of a good file."""
    found, at = [], len(PNG_START)
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(Chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def png(
    values: npt.NDArray[np.integer],
    bits: int,
    color: int,
    *,
    interlaced: bool = False,
    before: Iterable[Chunk] = (),
    behind: Iterable[Chunk] = (),
    pieces: int = 1,
) -> bytes:
    """Returns a PNG file, which Pillow writes of few kinds only.

    Args:
        values: [h, w, samples], of `bits` bits.
        bits: of a sample.
        color: type of color.
        interlaced: whether it is stored in seven passes.
        before: chunks before the pixels.
        behind: chunks behind them.
        pieces: chunks that the pixels are in.
    """
    height, width = values.shape[:2]
    passes = [(0, 0, 1, 1)] if not interlaced else ADAM7
    rows = b"".join(_rows(values[top::down, left::across], bits) for top, left, down, across in passes)
    packed = zlib.compress(rows)
    size = -(-len(packed) // pieces)
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    pixels = [Chunk(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size)]
    return png_file([Chunk(b"IHDR", head), *before, *pixels, *behind, Chunk(b"IEND")])


def _rows(values: npt.NDArray[np.integer], bits: int) -> bytes:
    if values.shape[1] == 0:
        return b""
    if bits == 16:
        packed = [row.astype(">u2").tobytes() for row in values]
    elif bits == 8:
        packed = [row.astype(np.uint8).tobytes() for row in values]
    else:
        digits = np.unpackbits(values.astype(np.uint8)[..., np.newaxis], axis=-1)[..., 8 - bits :]
        packed = [np.packbits(row.reshape(-1)).tobytes() for row in digits]
    return b"".join(b"\0" + row for row in packed)


def pngs() -> dict[str, bytes]:
    """Every type of color and number of bits, interlaced or not, with and without transparency, and with all chunks."""
    photo = photograph()
    color = np.asarray(photo).astype(np.uint16)
    gray = np.asarray(photo.convert("L")).astype(np.uint16)[..., np.newaxis]
    fine = np.arange(color.size, dtype=np.uint16).reshape(color.shape) % 256  # what 16 bits tell apart and 8 do not
    alpha = np.asarray(with_alpha(photo)).astype(np.uint16)[..., 3:]
    files = {}
    for bits in (1, 2, 4, 8, 16):
        values = gray * 256 + fine[..., :1] if bits == 16 else gray >> (8 - bits)
        key = struct.pack(">H", int(values[5, 7, 0]))
        files |= _each_way(f"gray of {bits} bits", values, bits, GRAY, key=key)
    for bits in (8, 16):
        values = color * 256 + fine if bits == 16 else color
        opacity = alpha * 257 - (alpha > 0) * fine[..., :1] if bits == 16 else alpha
        files |= _each_way(f"color of {bits} bits", values, bits, RGB, key=struct.pack(">3H", *map(int, values[5, 7])))
        files |= _each_way(f"transparent color of {bits} bits", np.dstack([values, opacity]), bits, RGBA)
        values = values[..., :1]
        files |= _each_way(f"transparent gray of {bits} bits", np.dstack([values, opacity]), bits, GRAY_ALPHA)
    for bits in (1, 2, 4, 8):
        found = photo.quantize(2**bits)
        palette = bytes(found.getpalette() or ())[: 3 * 2**bits]
        values = np.asarray(found).astype(np.uint16)[..., np.newaxis]
        files |= _each_way(
            f"palette of {bits} bits",
            values,
            bits,
            PALETTE,
            key=bytes([0, 128][: 2**bits]),
            before=[Chunk(b"PLTE", palette)],
        )
    return files | _png_chunks_of_all_kinds(photo)


def _each_way(
    name: str,
    values: npt.NDArray[np.integer],
    bits: int,
    color: int,
    *,
    key: bytes | None = None,
    before: Iterable[Chunk] = (),
) -> dict[str, bytes]:
    """Plain and interlaced, and with the transparency of `key`."""
    files = {}
    for way, chunks in (("", []), (" with a key", [] if key is None else [Chunk(b"tRNS", key)])):
        if way and key is None:
            continue
        every = [*before, *chunks]
        files[name + way] = png(values, bits, color, before=every)
        files[f"interlaced {name}{way}"] = png(values, bits, color, before=every, interlaced=True)
    return files


def _png_chunks_of_all_kinds(photo: Image.Image) -> dict[str, bytes]:
    values = np.asarray(photo).astype(np.uint16)
    frames = [photo, photo.rotate(180), photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    exif = rotated(6).tobytes()[6:]
    text = Chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(4_000_000), 9))
    profile = Chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(4_000_000), 9))
    many = [
        Chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        Chunk(b"gAMA", struct.pack(">I", 45455)),
        Chunk(b"sBIT", b"\5\6\5"),
        Chunk(b"sRGB", b"\0"),
        Chunk(b"bKGD", struct.pack(">3H", 1, 2, 3)),
        Chunk(b"pHYs", struct.pack(">IIB", 2835, 1000, 1)),
        Chunk(b"tEXt", b"Comment\0eXIf tRNS IDAT"),
        Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
        Chunk(b"tIME", struct.pack(">H5B", 2020, 1, 1, 0, 0, 0)),
        Chunk(b"prIv", b"private"),
    ]
    files = {
        "with many chunks": png(values, 8, RGB, before=many, behind=many[6:]),
        "with EXIF": png(values, 8, RGB, before=[Chunk(b"eXIf", exif)]),
        "with EXIF behind": png(values, 8, RGB, behind=[Chunk(b"eXIf", exif)]),
        "with a large text": png(values, 8, RGB, before=[text]),
        "with a large text behind": png(values, 8, RGB, behind=[text]),
        "with a large profile": png(values, 8, RGB, before=[profile]),
        "with a palette for others": png(values, 8, RGB, before=[Chunk(b"PLTE", bytes(range(48)))]),
        "in many pieces": png(values, 8, RGB, pieces=100),
        "with bytes behind": png(values, 8, RGB) + b"\x89PNG\r\n\x1a\n" * 20,
        "with a gamma of 1": png(values, 8, RGB, before=[Chunk(b"gAMA", struct.pack(">I", 100_000))]),
        "of an animation": encode(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "of an animation beside a picture": encode(
            frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True
        ),
        "of another size": encode(photograph(37, 50), "PNG"),
        "of a large size": encode(photograph(240, 330), "PNG"),
        "of one pixel": encode(photograph(1, 1), "PNG"),
    }
    return files | {
        f"of orientation {turn}": encode(photo, "PNG", exif=rotated(turn).tobytes()[6:]) for turn in range(1, 9)
    }
