"""The directories of a TIFF file, one a page: only what reading needs, and safe for files that claim too much.

Pillow and tifffile load every tag of a directory as long as it says; here such files are told before. TIFF 6.0, and
BigTIFF as in libtiff's `docs/specifications/bigtiff`.
"""

import re
import struct
from typing import BinaryIO, NamedTuple

from aag_tf.data.files.formats.decoded import require_few_pages
from aag_tf.utils.errors import DataError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q", 17: "q", 18: "Q"}
TEXT = (2, 7)  # types of bytes
MOST_VALUES = 1024  # of a tag that is kept
MOST_TEXT = 65_536
MOST_SEGMENTS = 200_000  # strips or tiles of a page: each takes time of its own
SLACK = 2**20  # bytes that tags may claim beyond the file, as many writers pad

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
DESCRIPTION, ORIENTATION, SAMPLES, ROWS, PLANAR, PREDICTOR = 270, 274, 277, 278, 284, 317
TILE_WIDTH, TILE_HEIGHT, EXTRA, SAMPLE_FORMAT, NODATA = 322, 323, 338, 339, 42113
STRIPS, TILES, DEPTH = 273, 324, 32997
NUMBERS = (
    *(SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, ROWS, PLANAR),
    *(PREDICTOR, TILE_WIDTH, TILE_HEIGHT, EXTRA, SAMPLE_FORMAT, DEPTH),
)
REDUCED, MASK = 1, 4  # bits of SUBFILE
OLD_REDUCED = 2


class Directory(NamedTuple):
    """What a directory says of its page.

    Args:
        number: in the chain of the file, from 0 on.
        numbers: values of tags that are whole numbers.
        texts: values of tags that are text.
        present: strips or tiles whose places it gives.
    """

    number: int
    numbers: dict[int, tuple[int, ...]]
    texts: dict[int, str]
    present: int = 0

    def one(self, tag: int, default: int) -> int:
        """First value of a tag."""
        values = self.numbers.get(tag)
        return values[0] if values else default

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as stored."""
        return self.one(WIDTH, 0), self.one(HEIGHT, 0)

    @property
    def samples(self) -> int:
        """Values of a pixel."""
        return self.one(SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Bits of a value; 0 where values differ."""
        bits = self.numbers.get(BITS, (1,))
        return bits[0] if len(set(bits)) == 1 else 0

    @property
    def extra(self) -> tuple[int, ...]:
        """What the samples behind gray or color are: 1 or 2 for transparency, 0 for anything."""
        return self.numbers.get(EXTRA, ())

    @property
    def nodata(self) -> float | None:
        """The value of pixels without data, as GDAL writes it."""
        try:
            return float(self.texts[NODATA])
        except (KeyError, ValueError):
            return None

    @property
    def segments(self) -> int:
        """Strips or tiles that its size asks for."""
        width, height = self.size
        rows, planes = self.one(ROWS, height) or 1, self.samples if self.one(PLANAR, 1) == 2 else 1
        if TILE_WIDTH in self.numbers:
            across = -(-width // (self.one(TILE_WIDTH, 1) or 1))
            return across * -(-height // (self.one(TILE_HEIGHT, 1) or 1)) * planes
        return -(-height // rows) * planes

    @property
    def is_picture(self) -> bool:
        """Whether it is neither a thumbnail nor a mask."""
        return not self.one(SUBFILE, 0) & (REDUCED | MASK) and self.one(OLD_SUBFILE, 0) != OLD_REDUCED


def read_directories(file: BinaryIO) -> list[Directory]:
    """Reads the chain of directories.

    Raises:
        DataError: there is none, they are damaged, go in a circle, or claim more than the file holds.
    """
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    word = "Q" if big else "I"
    if len(head) < 8 + 8 * big:
        raise DataError("a TIFF without a page")
    (at,) = struct.unpack_from(order + word, head, 8 if big else 4)
    found: list[Directory] = []
    seen: set[int] = set()
    while at:
        if at in seen:
            raise DataError("a TIFF whose pages go in a circle")
        seen.add(at)
        require_few_pages(len(seen))
        entries, following = _entries(file, at, order, big)
        if entries is None:
            if found:
                break  # truncated: the pages before are intact
            raise DataError("a TIFF that is truncated")
        found.append(_directory(file, len(found), entries, order, length))
        at = following
    if not found:
        raise DataError("a TIFF without a page")
    return found


Entry = tuple[int, int, int, bytes]  # tag, type, number of values, value or offset


def _entries(file: BinaryIO, at: int, order: str, big: bool) -> tuple[list[Entry] | None, int]:
    """Returns the entries of a directory (`None`: cut off) and the offset of the next one."""
    count_size, layout, following = (8, "HHQ8s", "Q") if big else (2, "HHI4s", "I")
    file.seek(at)
    start = file.read(count_size)
    if len(start) < count_size:
        return None, 0
    (count,) = struct.unpack(order + ("Q" if big else "H"), start)
    size = struct.calcsize(order + layout)
    if count > 65_535:
        raise DataError("a TIFF whose tags claim more than the file holds")
    data = file.read(count * size)
    if len(data) < count * size:
        return None, 0
    entries = [struct.unpack_from(order + layout, data, row * size) for row in range(count)]
    rest = file.read(struct.calcsize(order + following))
    more = struct.unpack(order + following, rest)[0] if len(rest) == struct.calcsize(order + following) else 0
    return entries, more


def _directory(file: BinaryIO, number: int, entries: list[Entry], order: str, length: int) -> Directory:
    claimed = sum(SIZES.get(kind, 1) * count for _, kind, count, _ in entries)
    if claimed > length + SLACK:
        raise DataError("a TIFF whose tags claim more than the file holds")
    numbers: dict[int, tuple[int, ...]] = {}
    texts: dict[int, str] = {}
    for tag, kind, count, value in entries:
        if tag in NUMBERS and kind in LETTERS and 0 < count <= MOST_VALUES:
            data = _value(file, value, SIZES[kind] * count, order)
            if len(data) == SIZES[kind] * count:
                numbers[tag] = struct.unpack(f"{order}{count}{LETTERS[kind]}", data)
        elif tag in (DESCRIPTION, NODATA) and kind in TEXT:
            data = _value(file, value, min(count, MOST_TEXT), order)
            texts[tag] = data.partition(b"\0")[0].decode("utf-8", "replace").strip()
    present = sum(count for tag, _, count, _ in entries if tag in (STRIPS, TILES))
    directory = Directory(number, numbers, texts, present)
    if directory.segments > MOST_SEGMENTS:
        raise DataError("a TIFF of more strips or tiles than are read")
    return directory


def _value(file: BinaryIO, value: bytes, size: int, order: str) -> bytes:
    """Bytes of a value, which stand in the entry itself if they fit."""
    if size <= len(value):
        return value[:size]
    file.seek(struct.unpack(order + ("Q" if len(value) == 8 else "I"), value)[0])
    return file.read(size)


def channels_of_stack(pages: list[Directory]) -> int | None:
    """Returns the number of pages if they are the channels of one picture by ImageJ's or OME's description."""
    text = pages[0].texts.get(DESCRIPTION, "")
    if text.startswith("ImageJ="):
        entries = dict(re.findall(r"^(\w+)=(\d+)\s*$", text, re.MULTILINE))
        channels, others = entries.get("channels"), [entries.get(name, "1") for name in ("slices", "frames")]
    elif "<OME" in text or "<ome:OME" in text:
        found = re.search(r"<(?:ome:)?Pixels\b[^>]*>", text)
        entries = dict(re.findall(r'\b(Size[CZT])="(\d+)"', found[0])) if found else {}
        channels, others = entries.get("SizeC"), [entries.get(name, "1") for name in ("SizeZ", "SizeT")]
    else:
        return None
    alike = {(page.size, page.samples, page.bits) for page in pages}
    is_stack = channels == str(len(pages)) and set(others) == {"1"} and len(alike) == 1 and pages[0].samples == 1
    return len(pages) if is_stack and len(pages) > 1 else None
