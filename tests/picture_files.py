"""Picture files of every flavour that training reads, made from one real photograph."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

ORIENTATION = 0x0112


def encode(picture, suffix, **options):
    buffer = io.BytesIO()
    picture.save(buffer, suffix, **options)
    return buffer.getvalue()


def photograph(width=120, height=90):
    return Image.fromarray(load_sample_image("china.jpg")[100 : 100 + height, 200 : 200 + width])


def rotated(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def on_larger_canvas(gif):
    """Its only frame is smaller than its canvas."""
    data = bytearray(gif)
    data[6:10] = (150).to_bytes(2, "little") + (100).to_bytes(2, "little")
    return bytes(data)


def flavours():
    """`{name: file content}`."""
    photo = photograph()
    clear = photo.copy()
    clear.putalpha(Image.fromarray(np.add.outer(np.arange(90), 2 * np.arange(120)).clip(0, 255).astype(np.uint8)))
    frames = [Image.fromarray(np.roll(np.asarray(photo), 20 * i, 1)) for i in range(3)]
    clear_frames = [clear, clear.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    deep = np.asarray(photo.convert("L")).astype(np.uint16) * 257 - np.arange(120, dtype=np.uint16) // 2
    moving = {"save_all": True, "append_images": frames[1:]}
    palette = photo.convert("P")
    files = {
        "jpeg": encode(photo, "JPEG"),
        "progressive jpeg": encode(photo, "JPEG", progressive=True),
        "gray jpeg": encode(photo.convert("L"), "JPEG"),
        "cmyk jpeg": encode(photo.convert("CMYK"), "JPEG"),
        "large jpeg": encode(photo.resize((1000, 750)), "JPEG"),
        "png": encode(photo, "PNG"),
        "transparent png": encode(clear, "PNG"),
        "gray png": encode(photo.convert("L"), "PNG"),
        "transparent gray png": encode(clear.convert("LA"), "PNG"),
        "black and white png": encode(photo.convert("1"), "PNG"),
        "deep gray png": encode(Image.fromarray(deep), "PNG"),
        "palette png": encode(palette, "PNG"),
        "four colors png": encode(photo.quantize(4), "PNG"),
        "transparent palette png": encode(palette, "PNG", transparency=5),
        "animated png": encode(photo, "PNG", **moving),
        "rotated png": encode(photo, "PNG", exif=rotated(8)),
        "gif": encode(photo, "GIF"),
        "gray gif": encode(photo.convert("L"), "GIF"),
        "transparent gif": encode(palette, "GIF", transparency=5),
        "animated gif": encode(photo, "GIF", **moving),
        "gif on a larger canvas": on_larger_canvas(encode(photo, "GIF")),
        "transparent gif on a larger canvas": on_larger_canvas(encode(palette, "GIF", transparency=5)),
        "webp": encode(photo, "WEBP"),
        "lossless webp": encode(photo, "WEBP", lossless=True),
        "transparent webp": encode(clear, "WEBP"),
        "transparent lossless webp": encode(clear, "WEBP", lossless=True),
        "animated webp": encode(photo, "WEBP", **moving),
        "transparent animated webp": encode(clear_frames[0], "WEBP", save_all=True, append_images=clear_frames[1:]),
        "rotated webp": encode(photo, "WEBP", exif=rotated(6)),
    }
    return files | {f"jpeg of orientation {n}": encode(photo, "JPEG", exif=rotated(n)) for n in range(1, 9)}
