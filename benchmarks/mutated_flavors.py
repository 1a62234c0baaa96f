"""JPEG, PNG, GIF and WebP files of every flavor, whole and damaged in many ways, from one seed.

for file in mutated_flavors(2_000, seed=0):
    file.name, file.kind, file.data

Beside blind damage there is damage that keeps checksums and lengths right, which reaches deeper into readers: chunks of
PNG and WebP files, segments of JPEG files and blocks of GIF files are dropped, doubled, moved, cut, filled and renamed.
"""

import struct
from collections.abc import Callable, Iterator

import numpy as np
from flavors_png import Chunk, png_chunks, png_file
from mutated_pictures import KINDS as BLIND
from mutated_pictures import Broken
from picture_flavors import flavors

Damage = Callable[[np.random.Generator, bytes], bytes]


def mutated_flavors(count: int, seed: int = 0) -> Iterator[Broken]:
    """Yields `count` files that cycle through flavors and kinds of damage; the same seed gives the same bytes."""
    good = flavors()
    kinds: dict[str, Damage] = {
        **BLIND,
        "flipped bit": _flipped_bit,
        "shuffled parts": _shuffled,
        "changed part": _changed,
    }
    pairs = [(name, kind) for kind in kinds for name in good]
    for number in range(count):
        name, kind = pairs[number % len(pairs)]
        rng = np.random.default_rng([seed, number])
        yield Broken(name, kind, kinds[kind](rng, good[name]))


def _flipped_bit(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _shuffled(rng: np.random.Generator, data: bytes) -> bytes:
    """Parts are dropped, doubled or change places."""
    start, parts, join = _taken_apart(data)
    if len(parts) < 2:
        return data
    for _ in range(rng.integers(1, 3)):
        at, other = (int(place) for place in rng.integers(len(parts), size=2))
        match rng.integers(3):
            case 0 if len(parts) > 1:
                del parts[at]
            case 1:
                parts.insert(other, parts[at])
            case _:
                other = min(other, len(parts) - 1)
                parts[at % len(parts)], parts[other] = parts[other], parts[at % len(parts)]
        if len(parts) < 2:
            break
    return join(start, parts)


def _changed(rng: np.random.Generator, data: bytes) -> bytes:
    """One part is cut, grows, is renamed, or has other bytes; its length and its checksum are right."""
    start, parts, join = _taken_apart(data)
    if not parts:
        return data
    at = int(rng.integers(len(parts)))
    kind, content = parts[at]
    match rng.integers(5):
        case 0:
            content = content[: rng.integers(len(content) + 1)]
        case 1:
            content += rng.bytes(rng.integers(1, 40))
        case 2:
            other = parts[rng.integers(len(parts))].kind
            letter = int(rng.integers(len(kind)))
            flipped = kind[:letter] + bytes([kind[letter] ^ 0x20]) + kind[letter + 1 :]
            kind = other if rng.random() < 0.5 else flipped
        case _ if content:
            changed = bytearray(content)
            for place in rng.integers(len(changed), size=rng.integers(1, 4)):
                changed[place] = rng.choice([rng.integers(256), 0, 255])
            content = bytes(changed)
        case _:
            content = rng.bytes(rng.integers(1, 10))
    parts[at] = Chunk(kind, content)
    return join(start, parts)


def _taken_apart(data: bytes) -> tuple[bytes, list[Chunk], Callable[[bytes, list[Chunk]], bytes]]:
    """Returns the start of a file, its parts, and how they become a file again."""
    if data.startswith(b"\x89PNG"):
        return b"", _png_parts(data), lambda _, parts: png_file(parts)
    if data.startswith(b"\xff\xd8"):
        return data[:2], _segments(data), _of_segments
    if data.startswith(b"GIF"):
        return _blocks(data)
    return data[:12], _riff_chunks(data), _of_riff_chunks


def _png_parts(data: bytes) -> list[Chunk]:
    """The chunks up to the end of the picture."""
    end = data.index(b"IEND") + 8
    return png_chunks(data[:end])


def _segments(data: bytes) -> list[Chunk]:
    """The segments of a JPEG file; the last is a scan with all that follows."""
    parts, at = [], 2
    while at + 4 <= len(data):
        if data[at + 1] == 0xFF:
            at += 1
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + size
        if data[at + 1] == 0xDA:
            following = _end_of_scan(data, end)
            parts.append(Chunk(data[at : at + 2], data[at + 4 : following]))
            at = following
            if data[at : at + 2] == b"\xff\xd9":
                break
            continue
        parts.append(Chunk(data[at : at + 2], data[at + 4 : end]))
        at = end
    return parts


def _end_of_scan(data: bytes, at: int) -> int:
    while at + 1 < len(data):
        if data[at] == 0xFF and data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 1
    return len(data)


def _of_segments(start: bytes, parts: list[Chunk]) -> bytes:
    scan = b"\xff\xda"
    found = [start]
    for kind, content in parts:
        # The content of a scan begins with its header, whose length its first byte gives.
        size = 2 * content[0] + 6 if kind == scan and content else len(content) + 2
        found.append(kind + struct.pack(">H", min(size, 65_535)) + content)
    return b"".join([*found, b"\xff\xd9"])


def _blocks(data: bytes) -> tuple[bytes, list[Chunk], Callable[[bytes, list[Chunk]], bytes]]:
    """Header with palette, then extensions and frames of a GIF file."""
    size = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    parts, at = [], size
    while at < len(data) and data[at] in (0x21, 0x2C):
        begin = at
        if data[at] == 0x21:
            at += 2
        else:
            at += 10 + (3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0) + 1
        while data[at]:
            at += 1 + data[at]
        at += 1
        parts.append(Chunk(data[begin : begin + 1], data[begin + 1 : at]))
    return data[:size], parts, lambda start, blocks: b"".join([start, *(kind + rest for kind, rest in blocks), b";"])


def _riff_chunks(data: bytes) -> list[Chunk]:
    parts, at = [], 12
    end = 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        parts.append(Chunk(data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return parts


def _of_riff_chunks(start: bytes, parts: list[Chunk]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in parts
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + start[8:12] + body
