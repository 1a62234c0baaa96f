"""TensorFlow's decoders give the pixels of this package's own, and Python is not called for what they decode."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import open_source
from aag_tf.data.files import pictures
from aag_tf.data.files.formats import decoded
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.reading import Reading
from aag_tf.data.images import decoders
from aag_tf.data.images.source_images import SourceImages
from aag_tf.data.images.windows import Window

HEIGHT, WIDTH = 37, 53
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
DEEP = RANDOM.integers(0, 65_536, (HEIGHT, WIDTH, 3), np.uint16)
COLOR, GRAY = Image.fromarray(PIXELS[..., :3]), Image.fromarray(PIXELS[..., 0])
SEVERAL = bytes(RANDOM.integers(0, 256, 200, np.uint8))


def png(path, values, depth, color_type, *chunks, behind=()):
    """Writes a PNG file that Pillow does not write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = []
    for row in values.reshape(HEIGHT, -1):
        bits = np.unpackbits(row.astype(">u2").view(np.uint8)).reshape(len(row), 16)[:, -depth:]
        rows.append(b"\0" + np.packbits(bits).tobytes())
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(b"".join(rows))), *behind, (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def few_bits(depth):
    return lambda path: png(path, PIXELS[..., 0] % 2**depth, depth, 0)


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found.tobytes().removeprefix(b"Exif\0\0")


CASES = {
    "gray.png": (GRAY.save, Decoder.PNG),
    "color.png": (COLOR.save, Decoder.PNG),
    "palette.png": (COLOR.quantize(200).save, Decoder.PNG),
    "small palette.png": (COLOR.quantize(9).save, Decoder.PNG),
    "black and white.png": (GRAY.convert("1").save, Decoder.PNG),
    "2 bits.png": (few_bits(2), Decoder.PNG),
    "4 bits.png": (few_bits(4), Decoder.PNG),
    "opacity.png": (Image.fromarray(PIXELS).save, Decoder.TRANSPARENT_PNG),
    "gray opacity.png": (Image.fromarray(np.ascontiguousarray(PIXELS[..., :2])).save, Decoder.TRANSPARENT_PNG),
    "palette opacity.png": (lambda path: COLOR.quantize(200).save(path, transparency=SEVERAL), Decoder.TRANSPARENT_PNG),
    "key.png": (
        lambda path: Image.fromarray(PIXELS[..., :3] // 128 * 128).save(path, transparency=(128, 0, 128)),
        Decoder.TRANSPARENT_PNG,
    ),
    "gray key.png": (
        lambda path: Image.fromarray(PIXELS[..., 0] // 8 * 8).save(path, transparency=64),
        Decoder.TRANSPARENT_PNG,
    ),
    "2 bits key.png": (lambda path: png(path, PIXELS[..., 0] % 4, 2, 0, (b"tRNS", b"\0\1")), Decoder.PYTHON),
    "deep.png": (lambda path: png(path, DEEP[..., 0], 16, 0), Decoder.DEEP_PNG),
    "deep color.png": (lambda path: png(path, DEEP, 16, 2), Decoder.DEEP_PNG),
    "deep opacity.png": (lambda path: png(path, DEEP[..., :2], 16, 4), Decoder.PYTHON),
    "upright.png": (lambda path: png(path, PIXELS[..., 0], 8, 0, (b"eXIf", exif(1))), Decoder.PNG),
    "upright behind.png": (lambda path: png(path, PIXELS[..., 0], 8, 0, behind=[(b"eXIf", exif(1))]), Decoder.PYTHON),
    "turned.png": (lambda path: COLOR.save(path, exif=exif(6)), Decoder.PYTHON),
    "color.bmp": (COLOR.save, Decoder.BMP),
    "gray.bmp": (GRAY.save, Decoder.PYTHON),
    "gray.jpg": (GRAY.save, Decoder.JPEG),
    "color.jpg": (COLOR.save, Decoder.JPEG),
    "color.gif": (COLOR.save, Decoder.PYTHON),
}
READING = Reading(value_range=(1_000.0, 50_000.0))


WHOLE = Window(*(np.array([side], np.float32) for side in (0, 0, 1, 1)))


def cut_whole(path, channels, reading=READING):
    """The whole picture as a view, cut without Python where that is possible, and its decoder."""
    header = pictures.read_header(str(path))
    found = np.array([header.channels]), np.array([header.height * header.width])
    usable = decoders.usable_decoders(np.array([header.decoder], np.uint8), *found, channels, reading)

    def python(path):
        assert usable[0] == Decoder.PYTHON
        return pictures.decode_whole(path, channels, reading)

    images = SourceImages(
        [str(path)], (8, 8, channels), None, python, aspects=np.ones(1, np.float32), decoders=usable, reading=reading
    )
    source = {name: value[0] for name, value in images.sources(tf.constant([0], tf.int64)).items()}
    size = (header.height, header.width)
    return images.crops(source, WHOLE, [size])[0].numpy(), usable[0]


@pytest.mark.parametrize("name", CASES)
def test_views_have_the_pixels_of_the_package(tmp_path, name):
    write, kind = CASES[name]
    path = tmp_path / name
    write(path)
    header = pictures.read_header(str(path))
    assert header.decoder == kind
    for channels in (1, 3):
        view, decoder = cut_whole(path, channels)
        wanted = pictures.decode_whole(str(path), channels, READING)
        # A color JPEG has gray of its own, which is another where colors are clipped.
        tolerance = 16 if (kind, header.channels, channels) == (Decoder.JPEG, 3, 1) else 0
        assert np.abs(view.astype(int) - wanted).max() <= tolerance
        native = kind if header.channels in (1, channels) or kind == Decoder.JPEG else Decoder.PYTHON
        assert decoder == native


def test_python_decodes_what_is_large_or_has_no_range(tmp_path):
    kinds, found = np.array([Decoder.PNG, Decoder.DEEP_PNG, Decoder.JPEG], np.uint8), np.array([3, 3, 3])
    large = np.full(3, decoded.LARGE_PIXELS + 1)
    assert decoders.usable_decoders(kinds, found, large, 3, READING).tolist() == [0, 0, Decoder.JPEG]
    assert decoders.usable_decoders(kinds, found, found, 3, Reading()).tolist() == [Decoder.PNG, 0, Decoder.JPEG]
    assert decoders.usable_decoders(kinds, found, found, 2, READING).tolist() == [0, 0, 0]


def test_a_folder_of_png_files_is_cut_without_python(tmp_path, monkeypatch):
    for number in range(4):
        Image.fromarray(np.roll(PIXELS[..., :3], number, axis=1)).save(tmp_path / f"{number}.png")
    config = DataConfig(f"folder:{tmp_path}", image_size=8, validation_fraction=0.0, reading=ReadingConfig())
    images = open_source(config, "source").train.images
    monkeypatch.setattr(pictures, "decode_whole", None)
    sources = tf.data.Dataset.range(4).batch(4).map(images.sources).unbatch()
    cut = sources.map(lambda source: images.crops(source, WHOLE, [(HEIGHT, WIDTH)]))
    for number, views in enumerate(cut.as_numpy_iterator()):
        np.testing.assert_array_equal(views[0], np.roll(PIXELS[..., :3], number, axis=1))
