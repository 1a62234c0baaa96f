"""Writes TIFF files by hand, of every kind that libraries would not write, or would write only right."""

import struct

import numpy as np

SHORT, LONG, ASCII, LONG8 = 3, 4, 2, 16
LETTERS = {ASCII: "s", SHORT: "H", LONG: "I", LONG8: "Q"}
FORMATS = {"u": 1, "i": 2, "f": 3}
TIFF, BIG_TIFF = 42, 43


def tiff(*pages, order="<", version=TIFF, following=None):
    """Returns a file of pages that `page` described; `following` puts an offset in place of the end of the chain."""
    big = version == BIG_TIFF
    word = "Q" if big else "I"
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", version)
    if big:
        start += struct.pack(order + "HH", 8, 0)
    out = bytearray(start + b"\0" * (8 if big else 4))
    link = len(start)
    for pixels, tags in pages:
        data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        planes = tags.pop("planes", 1)
        offset = len(out)
        out += data + b"\0" * (len(data) % 2)
        part = len(data) // planes
        tags[273] = (LONG, [offset + part * plane for plane in range(planes)])
        tags[279] = (LONG, [part] * planes)
        placed = {}
        for tag, (kind, values) in tags.items():
            packed = values if kind == ASCII else struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values)
            if len(packed) > (8 if big else 4):
                placed[tag] = struct.pack(order + word, len(out))
                out += packed + b"\0" * (len(packed) % 2)
            else:
                placed[tag] = packed.ljust(8 if big else 4, b"\0")
        struct.pack_into(order + word, out, link, len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(tags))
        for tag in sorted(tags):
            kind, values = tags[tag]
            out += struct.pack(order + "HH" + word, tag, kind, len(values)) + placed[tag]
        link = len(out)
        out += b"\0" * (8 if big else 4)
    if following is not None:
        struct.pack_into(order + word, out, link, following)
    return bytes(out)


def page(pixels, *, photometric=None, extra=None, planar=False, **more):
    """Describes a page of any numbers [h, w] or [h, w, c]; `extra` is ExtraSamples, `more` tags as `t254=(4, [1])`."""
    height, width, *rest = pixels.shape
    samples = rest[0] if rest else 1
    if photometric is None:
        photometric = 2 if samples >= 3 else 1
    tags = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * pixels.dtype.itemsize] * samples),
        259: (SHORT, [1]),
        262: (SHORT, [photometric]),
        277: (SHORT, [samples]),
        278: (LONG, [height]),
        284: (SHORT, [2 if planar else 1]),
        339: (SHORT, [FORMATS[pixels.dtype.kind]] * samples),
        **({} if extra is None else {338: (SHORT, extra)}),
        **{int(name[1:]): value for name, value in more.items()},
    }
    if planar:
        tags["planes"] = samples
        pixels = np.moveaxis(pixels, 2, 0)
    return pixels, tags
