"""Pictures decoded in the graph: what training's reader makes of them, and nothing of what is broken or too large."""

import functools
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from picture_files import encode, flavours, photograph, rotated

from aag_tf.config import ExportConfig
from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.export.decoding import decode_batch, gif, png
from aag_tf.export.decoding.deep import image_of
from aag_tf.export.decoding.resize import fit_picture

FILES = flavours()
SMALL = (32, 32, 3)


@pytest.fixture(scope="module")
def decode():
    """Decodes files to `{row: picture}`; a graph a shape, and none beside it, since tracing takes seconds."""

    @functools.cache
    def decoder(shape, reading):
        # Through a function of its own, since the error catching exists in graphs alone.
        signature = [tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int64)]
        return tf.function(
            lambda contents, most: decode_batch(contents, shape, most, reading), input_signature=signature
        )

    def decode(files, shape, max_pixels=ExportConfig.max_pixels, reading=Reading()):  # noqa: B008  frozen
        rows, decoded = decoder(shape, reading)(tf.constant(files, tf.string, shape=[len(files)]), max_pixels)
        return dict(zip(rows.numpy().tolist(), decoded.numpy(), strict=True))

    return decode


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    def save(content):
        path = tmp_path_factory.getbasetemp() / "picture"
        path.write_bytes(content)
        return str(path)

    return save


@pytest.mark.parametrize("shape", [(90, 120, 3), (90, 120, 1), (120, 90, 3), (100, 150, 3)])
def test_a_picture_that_keeps_its_size_has_the_pixels_of_training(decode, saved, shape):
    got = decode(list(FILES.values()), shape)
    exact = 0
    for row, (name, content) in enumerate(FILES.items()):
        header = pictures.read_header(saved(content))
        if (header.height, header.width) == shape[:2]:
            np.testing.assert_array_equal(got[row], pictures.decode(saved(content), shape), name)
            exact += 1
    assert exact >= 2


@pytest.mark.parametrize("shape", [SMALL, (90, 120, 1)])
def test_a_resized_picture_is_that_of_training_to_rounding(decode, saved, shape):
    got = decode(list(FILES.values()), shape)
    assert sorted(got) == list(range(len(FILES)))
    for row, (name, content) in enumerate(FILES.items()):
        difference = np.abs(pictures.decode(saved(content), shape).astype(int) - got[row])
        assert difference.max() <= 1, name


def deep_files():
    """PNG files of 16 bits a color: gray and color, opaque and transparent, with levels between those of 8 bits."""
    color = np.asarray(photograph(), np.uint16) * 16 + np.arange(120, dtype=np.uint16)[:, np.newaxis] % 16
    opacity = np.linspace(0, 65_535, 90 * 120).reshape(90, 120, 1).astype(np.uint16)
    kinds = {"gray": color[..., :1], "color": color}
    kinds |= {f"transparent {name}": np.concatenate([bands, opacity], axis=2) for name, bands in kinds.items()}
    return {name: tf.io.encode_png(bands).numpy() for name, bands in kinds.items()}


@pytest.mark.parametrize(
    ("shape", "reading"),
    [
        ((90, 120, 3), Reading(value_range=(0.0, 4095.0))),
        ((90, 120, 1), Reading(value_range=(17.3, 4000.7))),
        ((90, 130, 1), Reading(value_range=(0.0, 4095.0), fit="pad")),
        ((40, 40, 3), Reading(value_range=(0.0, 4095.0), fit="stretch")),
        ((32, 50, 3), Reading(value_range=(0.0, 4095.0))),
        ((90, 120, 3), Reading()),
    ],
)
def test_sixteen_bits_have_the_range_and_the_levels_of_training(saved, shape, reading):
    # Without the other formats, whose tracing takes seconds.
    def decode(data):
        deep = png.decode_deep_png(data, png.read_facts(data), ExportConfig.max_pixels)
        return image_of(deep.picture, shape, reading)

    decode = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string)])
    for name, content in deep_files().items():
        got, expected = decode(content).numpy(), pictures.decode(saved(content), shape, reading)
        if reading.fit == "pad" or shape[:2] == (90, 120):  # nothing is scaled
            np.testing.assert_array_equal(got, expected, name)
        else:
            assert np.abs(got.astype(int) - expected).max() <= 1, name
        if reading.value_range and name == "gray":
            assert len(np.unique(got)) > 200


def test_pictures_of_all_depths_are_padded_as_in_training(decode, saved):
    reading, shape = Reading(value_range=(0.0, 4095.0), fit="pad"), (60, 150, 3)
    files = [*deep_files().values(), *FILES.values()]
    got = decode(files, shape, reading=reading)
    for row, content in enumerate(files):
        expected = pictures.decode(saved(content), shape, reading)
        assert np.abs(got[row].astype(int) - expected).max() <= 1, row
        assert expected.std() > 10


@pytest.mark.parametrize("size", [(60, 150), (130, 90)])
def test_pictures_are_stretched_as_in_training(saved, size):
    pixels = np.asarray(photograph())
    expected = pictures.decode(saved(FILES["png"]), (*size, 3), Reading(fit="stretch"))
    assert np.abs(fit_picture(tf.constant(pixels), size, "stretch").numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_without_one_good_picture_is_empty(decode, count):
    assert decode([b"nothing"] * count, SMALL) == {}


def test_a_broken_picture_costs_no_other(decode):
    good = encode(photograph(32, 32), "PNG")
    got = decode([b"", good, b"\xff\xd8\xff", good[:-30], good, b"GIF89a"], SMALL)
    assert sorted(got) == [1, 4]
    for picture in got.values():
        np.testing.assert_array_equal(picture, np.asarray(photograph(32, 32)))


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_refused_or_whole(decode, name):
    content = FILES[name]
    whole = decode([content], SMALL)[0].astype(int)
    cuts = sorted({*range(0, min(40, len(content))), *(len(content) * part // 8 for part in range(1, 8))})
    for cut, picture in decode([content[:cut] for cut in cuts], SMALL).items():
        # What lies behind the pixels may be missing, and then they are all there.
        np.testing.assert_allclose(picture, whole, atol=0, err_msg=f"cut at {cuts[cut]} of {len(content)}")


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp", "lossless webp", "transparent lossless webp"])
def test_a_picture_above_the_limit_is_refused_by_its_header(decode, name):
    pixels = 90 * 120
    assert list(decode([FILES[name]], SMALL, max_pixels=pixels)) == [0]
    assert decode([FILES[name]], SMALL, max_pixels=pixels - 1) == {}


def test_a_picture_that_claims_a_billion_pixels_is_refused(decode):
    png = bytearray(FILES["png"])
    png[16:24] = struct.pack(">II", 50_000, 50_000)
    png[29:33] = struct.pack(">I", zlib.crc32(bytes(png[12:29])))
    gif = bytearray(FILES["gif"])
    gif[6:10] = struct.pack("<HH", 50_000, 50_000)
    assert decode([bytes(png), bytes(gif)], SMALL) == {}


def test_a_jpeg_with_thousands_of_scans_is_refused(decode):
    content = FILES["progressive jpeg"]
    last = content.rindex(b"\xff\xda")
    assert decode([content[:-2] + content[last:-2] * 2000 + content[-2:]], SMALL) == {}


def test_a_video_behind_a_photograph_counts_as_no_scan(decode):
    content = FILES["jpeg"]
    alone = decode([content], (90, 120, 3))[0]
    np.testing.assert_array_equal(decode([content + b"\xff\xda\x55" * 3000], (90, 120, 3))[0], alone)


def test_a_gif_of_endless_blocks_is_refused():
    signature = [tf.TensorSpec([], tf.string)]
    decode = tf.function(lambda data: gif.decode_gif(data, 10_000, max_blocks=300).picture, input_signature=signature)
    content = encode(photograph(8, 8), "GIF")
    first = content.index(b"\x2c\0\0\0\0")

    def with_comments(comments, blocks):  # of one byte each
        return content[:first] + (b"\x21\xfe" + b"\1c" * blocks + b"\0") * comments + content[first:]

    assert decode(with_comments(4, 60)).shape == (8, 8, 3)
    for comments, blocks in ((40, 60), (1, 400), (400, 0)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"too many blocks|no frame"):
            decode(with_comments(comments, blocks))


def test_a_gif_whose_pixels_end_early_is_refused(decode):
    content = FILES["gif"]
    first = content.index(b"\x2c\0\0\0\0") + 12
    assert decode([content[: first - 1] + b"\x04" + content[first : first + 4] + b"\0;"], SMALL) == {}


def test_damaged_exif_does_not_cost_the_picture(decode):
    exif = rotated(3)
    content = encode(photograph(), "JPEG", exif=exif)
    at = content.index(b"Exif\0\0") + 6
    plain = decode([FILES["jpeg"]], (90, 120, 3))[0]
    turned = decode([content], (90, 120, 3))[0]
    np.testing.assert_array_equal(turned, plain[::-1, ::-1])
    for place in range(at, at + 16):
        broken = bytearray(content)
        broken[place] ^= 0xFF
        got = decode([bytes(broken)], (90, 120, 3))
        assert list(got) == [0], place
        assert any(np.array_equal(got[0], choice) for choice in (plain, turned)), place
