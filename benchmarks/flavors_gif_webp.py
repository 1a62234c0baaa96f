"""GIF and WebP files of every flavor; parts of `picture_flavors.py`."""

import struct

from flavors_photograph import encode, photograph, rotated, with_alpha
from PIL import Image


def gifs() -> dict[str, bytes]:
    """Palettes of all sizes, global and local; frames beside the canvas's corner; transparency; animations."""
    photo = photograph()
    palette = photo.quantize(256)
    frames = [photo, photo.rotate(180), photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    moving = {"save_all": True, "append_images": frames[1:]}
    plain = encode(palette, "GIF", interlace=0)
    return {
        "plain": plain,
        "interlaced": encode(palette, "GIF", interlace=1),
        "gray": encode(photo.convert("L"), "GIF"),
        "black and white": encode(photo.convert("1"), "GIF"),
        "of 4 colors": encode(photo.quantize(4), "GIF"),
        "of 32 colors": encode(photo.quantize(32), "GIF"),
        "transparent": encode(palette, "GIF", transparency=5),
        "with a comment": encode(palette, "GIF", comment=b"a comment of no use " * 30),
        "animated": encode(photo, "GIF", **moving),
        "animated, restored": encode(photo, "GIF", **moving, disposal=2),
        "animated and transparent": encode(palette, "GIF", save_all=True, append_images=frames[1:], transparency=3),
        "with bytes behind": plain + b"GIF89a" * 20,
        "without its end": plain[:-1],
        "on a larger canvas": gif_on_canvas(plain, (40, 50)),
        "inside a larger canvas": gif_on_canvas(plain, (40, 50), (9, 7)),
        "inside a larger canvas, transparent": gif_on_canvas(encode(palette, "GIF", transparency=5), (40, 50), (9, 7)),
        "beyond its canvas": gif_on_canvas(plain, (20, 20)),
        "beyond a corner of its canvas": gif_on_canvas(plain, (24, 32), (9, 7)),
        "with a background": gif_on_canvas(plain[:11] + b"\x11" + plain[12:], (40, 50), (3, 3)),
        "with a palette of its own": _with_own_palette(plain),
        "without a palette": _without_palette(plain),
        "transparent beyond its palette": encode(photo.quantize(4), "GIF", transparency=2).replace(
            b"\x21\xf9\x04\x01\0\0\2", b"\x21\xf9\x04\x01\0\0\xc8"
        ),
        "of the first version": b"GIF87a" + plain[6:],
        "of another size": encode(photograph(37, 50).quantize(64), "GIF"),
        "of one pixel": encode(photograph(1, 1), "GIF"),
    }


def gif_on_canvas(data: bytes, canvas: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> bytes:
    """A GIF file with a canvas of another height and width, and another top and left of the first frame."""
    changed = bytearray(data)
    changed[6:10] = struct.pack("<HH", *canvas[::-1])
    at = changed.index(b"\x2c\0\0\0\0")
    changed[at + 1 : at + 5] = struct.pack("<HH", *corner[::-1])
    return bytes(changed)


def _with_own_palette(data: bytes) -> bytes:
    """The palette of a file of 256 colors is that of its frame, and its global one is gray."""
    size = 3 * 256
    shared, at = data[13 : 13 + size], data.index(b"\x2c\0\0\0\0")
    grays = bytes(level for level in range(256) for _ in range(3))
    return data[:13] + grays + data[13 + size : at + 9] + bytes([data[at + 9] | 0x87]) + shared + data[at + 10 :]


def _without_palette(data: bytes) -> bytes:
    return data[:10] + bytes([data[10] & 0x7F]) + data[11:13] + data[13 + 3 * 256 :]


def webps() -> dict[str, bytes]:
    """With and without losses, transparency and metadata, and animations."""
    photo, clear = photograph(), with_alpha(photograph())
    frames = [photo, photo.rotate(180), photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    moving = {"save_all": True, "append_images": frames[1:]}
    clear_frames = [clear, clear.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    plain = encode(photo, "WEBP")
    return {
        "plain": plain,
        "lossless": encode(photo, "WEBP", lossless=True),
        "transparent": encode(clear, "WEBP"),
        "transparent, packed": encode(clear, "WEBP", alpha_quality=20),
        "transparent lossless": encode(clear, "WEBP", lossless=True),
        "coarse": encode(photo, "WEBP", quality=1, method=6),
        "with a color profile": encode(photo, "WEBP", icc_profile=bytes(range(256)) * 4),
        "with XMP": encode(photo, "WEBP", xmp=b"<x:xmpmeta/> EXIF"),
        "animated": encode(photo, "WEBP", **moving),
        "animated lossless": encode(photo, "WEBP", lossless=True, **moving),
        "animated transparent": encode(clear, "WEBP", save_all=True, append_images=clear_frames[1:]),
        "animated transparent lossless": encode(
            clear, "WEBP", lossless=True, save_all=True, append_images=clear_frames[1:]
        ),
        "animated mixed": encode(clear, "WEBP", allow_mixed=True, save_all=True, append_images=clear_frames[1:]),
        "with bytes behind": plain + b"RIFF" * 30,
        "of another size": encode(photograph(37, 50), "WEBP"),
        "of one pixel": encode(photograph(1, 1), "WEBP"),
        "lossless of one pixel": encode(photograph(1, 1), "WEBP", lossless=True),
    } | {f"of orientation {turn}": encode(photo, "WEBP", exif=rotated(turn)) for turn in range(1, 9)}
