"""Image files that untrusted clients may send: good ones in many variants, broken ones of many kinds, from one seed.

from mutated_images import mutated_images

for picture in mutated_images(10_000, seed=0):
    picture.name, picture.data, picture.expected
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
EMBEDDED, REFUSED, EITHER = "embedded", "refused", "either"
ORIENTATION = 0x0112
CLAIMED_SIDE = 50_000  # 2.5 billion pixels
BOMB_SIDE = 12_000  # 144 million pixels, all present
FLIPPED_BITS = 32


class Mutated(NamedTuple):
    """One file: its name with number, kind and suffix, its content, and its expected outcome."""

    name: str
    kind: str
    data: bytes
    expected: str


def mutated_images(count: int, seed: int = 0) -> Iterator[Mutated]:
    """Yields `count` files that cycle through the kinds; the same seed gives the same bytes (with the same Pillow)."""
    photos = [np.asarray(image) for image in load_sample_images().images]  # two real photographs
    kinds = [(kind, suffix) for kind in KINDS for suffix in KINDS[kind].suffixes]
    for number in range(count):
        kind, suffix = kinds[number % len(kinds)]
        rng = np.random.default_rng([seed, number])
        data = KINDS[kind].make(rng, _crop(photos, rng), suffix)
        yield Mutated(f"{number:06d}_{kind}.{suffix}", kind, data, KINDS[kind].expected)


def encode(picture: Image.Image, suffix: str, **options: object) -> bytes:
    """Returns the content of an image file."""
    buffer = io.BytesIO()
    picture.save(buffer, FORMATS[suffix], **options)
    return buffer.getvalue()


def _crop(photos: list[np.ndarray], rng: np.random.Generator) -> Image.Image:
    photo = photos[rng.integers(len(photos))]
    height, width = rng.integers(24, 97, 2)
    top, left = rng.integers(photo.shape[0] - height), rng.integers(photo.shape[1] - width)
    return Image.fromarray(photo[top : top + height, left : left + width])


def _plain(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return encode(picture, suffix)


def _flipped(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    data = np.frombuffer(encode(picture, suffix), np.uint8).copy()
    places = rng.integers(len(data), size=rng.integers(1, FLIPPED_BITS + 1))
    np.bitwise_xor.at(data, places, np.uint8(1) << rng.integers(8, size=len(places)).astype(np.uint8))
    return data.tobytes()


def _flipped_header(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    data = bytearray(encode(picture, suffix))
    for place in rng.integers(min(48, len(data)), size=rng.integers(1, 4)):
        data[place] = rng.integers(256)
    return bytes(data)


def _truncated(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    data = encode(picture, suffix)
    return data[: rng.integers(1, len(data))]


def _wrong_header(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    other = rng.choice([name for name in FORMATS if name != suffix])
    return encode(picture, other)[:16] + encode(picture, suffix)[16:]


def _spliced(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    data = encode(picture, suffix)
    start, end = sorted(rng.integers(len(data), size=2))
    at = rng.integers(len(data))
    return data[:at] + data[start:end] + data[at:]


def _with_more_behind(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return encode(picture, suffix) + rng.bytes(rng.integers(1, 200))


def _empty(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return b""


def _noise(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return encode(picture, suffix)[: rng.integers(0, 13)] + rng.bytes(rng.integers(1, 4000))


def _text(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return b"<!DOCTYPE html><title>404</title>\n" * int(rng.integers(1, 50))


def _claimed_bomb(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    """A small file whose header claims billions of pixels."""
    data = bytearray(encode(picture, suffix))
    if suffix == "png":
        data[16:24] = struct.pack(">II", CLAIMED_SIDE, CLAIMED_SIDE)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    elif suffix == "jpg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", CLAIMED_SIDE, CLAIMED_SIDE)
    elif suffix == "gif":
        data[6:10] = struct.pack("<HH", CLAIMED_SIDE, CLAIMED_SIDE)
        at = data.index(b"\x2c\0\0\0\0") + 5
        data[at : at + 4] = struct.pack("<HH", CLAIMED_SIDE, CLAIMED_SIDE)
    else:
        data[26:30] = struct.pack("<HH", 16_383, 16_383)
    return bytes(data)


def _real_bomb(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    """A small file that really contains 144 million black pixels."""
    return _black_png(BOMB_SIDE)


_BLACK: dict[int, bytes] = {}


def _black_png(side: int) -> bytes:
    if side not in _BLACK:
        pack, parts = zlib.compressobj(9), []
        for _ in range(side):
            parts.append(pack.compress(bytes(1 + side)))
        pixels = b"".join([*parts, pack.flush()])
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
        _BLACK[side] = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    return _BLACK[side]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _endless_scans(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    """A progressive JPEG whose last scan is repeated 2 000 times."""
    data = encode(picture, "jpg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 2000 + data[-2:]


def _endless_frames(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    """A GIF with many frames, which take much memory if all are unpacked; its first frame is a normal image."""
    data = encode(picture.resize((512, 512)), "gif")
    frame = data[data.index(b"\x2c\0\0\0\0") : -1]
    return data[:-1] + frame * 40 + b";"


def _early_end(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    """A GIF whose pixels end early although all of its blocks are present."""
    data = encode(picture, "gif")
    at = data.index(b"\x2c\0\0\0\0") + 12  # after the descriptor, the code size and the length of the first block
    return data[: at - 1] + b"\x04" + data[at : at + 4] + b"\0;"


def _sixteen_bit(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    return encode(Image.fromarray(deep), "png")


def _cmyk(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return encode(picture.convert("CMYK"), "jpg")


def _animated(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    frames = [Image.fromarray(np.roll(np.asarray(picture), shift, axis=1)) for shift in (0, 5, 9)]
    return encode(frames[0], suffix, save_all=True, append_images=frames[1:])


def _broken_animation(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    data = bytearray(_animated(rng, picture, suffix))
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] = rng.integers(256)
    return bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])


def _rotated(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = int(rng.integers(1, 9))
    return encode(picture, suffix, exif=exif)


def _transparent(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    alpha = Image.fromarray(rng.integers(0, 256, (picture.height, picture.width), np.uint8))
    picture.putalpha(alpha)
    return encode(picture, suffix)


def _gray(rng: np.random.Generator, picture: Image.Image, suffix: str) -> bytes:
    return encode(picture.convert("L"), suffix)


class Kind(NamedTuple):
    """How files of a kind are made, their expected outcome, and their formats."""

    make: Callable[[np.random.Generator, Image.Image, str], bytes]
    expected: str
    suffixes: tuple[str, ...] = tuple(FORMATS)


KINDS = {
    "plain": Kind(_plain, EMBEDDED),
    "flipped": Kind(_flipped, EITHER),
    "flipped_header": Kind(_flipped_header, EITHER),
    "truncated": Kind(_truncated, EITHER),
    "wrong_header": Kind(_wrong_header, REFUSED),
    "spliced": Kind(_spliced, EITHER),
    "more_behind": Kind(_with_more_behind, EMBEDDED),
    "empty": Kind(_empty, REFUSED),
    "noise": Kind(_noise, REFUSED),
    "text": Kind(_text, REFUSED),
    "claimed_bomb": Kind(_claimed_bomb, REFUSED),
    "real_bomb": Kind(_real_bomb, REFUSED, ("png",)),
    "endless_scans": Kind(_endless_scans, REFUSED, ("jpg",)),
    "endless_frames": Kind(_endless_frames, EMBEDDED, ("gif",)),
    "early_end": Kind(_early_end, REFUSED, ("gif",)),
    "sixteen_bit": Kind(_sixteen_bit, EMBEDDED, ("png",)),
    "cmyk": Kind(_cmyk, EMBEDDED, ("jpg",)),
    "animated": Kind(_animated, EMBEDDED, ("gif", "png", "webp")),
    "broken_animation": Kind(_broken_animation, EITHER, ("gif", "png", "webp")),
    "rotated": Kind(_rotated, EMBEDDED, ("jpg", "png", "webp")),
    "transparent": Kind(_transparent, EMBEDDED, ("gif", "png", "webp")),
    "gray": Kind(_gray, EMBEDDED),
}
