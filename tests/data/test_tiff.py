"""TIFF: bands, transparency, pages, depths and files that claim too much."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image
from raw_tiff import ASCII, BIG_TIFF, LONG, SHORT, page, tiff

from aag_tf.data.files import pictures
from aag_tf.data.files.formats.decoded import Header
from aag_tf.data.files.formats.tiff import ALPHA_NOTE, STACK_NOTE
from aag_tf.data.files.pictures import decode_noted, read_header
from aag_tf.data.files.reading import Reading
from aag_tf.utils.errors import DataError

NOISE = np.random.default_rng(0)
COLOR = NOISE.integers(0, 256, (6, 5, 3), np.uint8)
INFRARED = np.full((6, 5, 1), 30, np.uint8)
FOUR = np.concatenate([COLOR, INFRARED], axis=2)
DEEP = NOISE.integers(0, 4096, (6, 5, 7), np.uint16)


@pytest.fixture
def write(tmp_path):
    def save(content, name="a.tif"):
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return save


def read(path, channels, reading=None, page=0):
    header = read_header(path)
    return decode_noted(path, (header.height, header.width, channels), reading or Reading(), page)


@pytest.mark.parametrize("extra", [None, [0]])
def test_a_fourth_band_that_is_not_marked_is_a_channel(write, extra):
    path = write(tiff(page(FOUR, extra=extra)))
    assert read_header(path) == Header(6, 5, 4)
    np.testing.assert_array_equal(read(path, 4)[0], FOUR)
    np.testing.assert_array_equal(read(path, 3)[0], COLOR)


@pytest.mark.parametrize("extra", [[1], [2]])
def test_a_band_that_is_marked_as_transparency_and_cannot_be_that_is_left_out(write, extra):
    path = write(tiff(page(FOUR, extra=extra)))
    assert read_header(path) == Header(6, 5, 3)
    pixels, note = read(path, 3)
    np.testing.assert_array_equal(pixels, COLOR)
    assert note == ALPHA_NOTE
    np.testing.assert_array_equal(read(path, 4)[0], FOUR)  # with --channels=4


def test_transparency_shows_white(write):
    alpha = np.full((6, 5, 1), 51, np.uint8)
    alpha[0] = 255
    expected = np.round(COLOR * (51 / 255) + 255 * (1 - 51 / 255))
    expected[0] = COLOR[0]
    plain = write(tiff(page(np.concatenate([COLOR, alpha], 2), extra=[2])))
    assert np.abs(read(plain, 3)[0] - expected).max() <= 1
    multiplied = np.round(COLOR * (alpha / 255)).astype(np.uint8)
    associated = write(tiff(page(np.concatenate([multiplied, alpha], 2), extra=[1])))
    assert np.abs(read(associated, 3)[0] - expected).max() <= 2
    gray = write(tiff(page(np.concatenate([COLOR[..., :1], alpha], 2), photometric=1, extra=[2])))
    assert read_header(gray).channels == 1
    assert np.abs(read(gray, 1)[0] - expected[..., :1]).max() <= 1


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_any_number_of_deep_bands(write, planar, order):
    path = write(tiff(page(DEEP, planar=planar, extra=[0] * 4), order=order))
    assert read_header(path) == Header(6, 5, 7, deep=True)
    expected = np.round(DEEP / 4095 * 255)
    np.testing.assert_array_equal(read(path, 7, Reading(value_range=(0.0, 4095.0)))[0], expected)


def test_sixteen_bit_color_keeps_its_levels(write):
    path = write(tiff(page(DEEP[..., :3])))
    assert read_header(path) == Header(6, 5, 3, deep=True)
    found = read(path, 3, Reading(value_range=(0.0, 4095.0)))[0]
    np.testing.assert_array_equal(found, np.round(DEEP[..., :3] / 4095 * 255))


@pytest.mark.parametrize("dtype", ["u2", "u4", "u8", "i1", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("bands", [1, 3])
def test_every_depth(write, dtype, bands):
    values = np.arange(30 * bands).reshape(6, 5, bands).astype(dtype)
    path = write(tiff(page(values.squeeze())))
    assert read_header(path) == Header(6, 5, bands, deep=True)
    found = read(path, bands, Reading(value_range=(10.0, 80.0)))[0]
    np.testing.assert_array_equal(found, np.clip(np.round((values.astype(float) - 10) / 70 * 255), 0, 255))


def test_white_may_be_the_lowest_value(write):
    values = np.array([[0, 1000, 4000]], np.uint16)
    path = write(tiff(page(values, photometric=0)))
    assert read(path, 1, Reading(value_range=(0.0, 4000.0)))[0].ravel().tolist() == [255, 191, 0]


def test_what_is_no_number_and_what_gdal_marks_as_missing_is_black(write):
    values = np.array([[1.0, np.nan, np.inf, -np.inf, 3.0, -9999.0]], np.float32)
    path = write(tiff(page(values, t42113=(ASCII, b"-9999\0"))))
    assert read(path, 1, Reading(value_range=(0.0, 4.0)))[0].ravel().tolist() == [64, 0, 255, 0, 191, 0]
    decoded = pictures.decode_page(path)
    assert np.isnan(decoded.pixels.ravel()[[1, 5]]).all()


def test_thumbnails_and_masks_are_no_pages(write):
    small = page(COLOR[::2, ::2], t254=(LONG, [1]))
    mask = page(COLOR[..., 0], t254=(LONG, [4]))
    old = page(COLOR[::2, ::2], t255=(SHORT, [2]))
    path = write(tiff(small, page(COLOR), mask, page(255 - COLOR), old))
    assert read_header(path) == Header(6, 5, 3, pages=2)
    np.testing.assert_array_equal(read(path, 3)[0], COLOR)
    np.testing.assert_array_equal(read(path, 3, page=1)[0], 255 - COLOR)
    with pytest.raises(DataError, match="the page is missing or broken"):
        read(path, 3, page=2)


@pytest.mark.parametrize(
    "description",
    [
        b"ImageJ=1.53t\nimages=3\nchannels=3\nmode=composite\n\0",
        b'<?xml version="1.0"?><OME><Image><Pixels SizeC="3" SizeT="1" SizeX="5" SizeY="6" SizeZ="1"/></Image></OME>\0',
    ],
)
def test_pages_that_are_channels_make_one_picture(write, description):
    planes = [page(DEEP[..., band]) for band in range(3)]
    planes[0][1][270] = (ASCII, description)
    path = write(tiff(*planes))
    assert read_header(path) == Header(6, 5, 3, deep=True, note=STACK_NOTE)
    found = read(path, 3, Reading(value_range=(0.0, 4095.0)))[0]
    np.testing.assert_array_equal(found, np.round(DEEP[..., :3] / 4095 * 255))


def test_slices_of_a_stack_stay_pages(write):
    planes = [page(DEEP[..., band]) for band in range(3)]
    planes[0][1][270] = (ASCII, b"ImageJ=1.53t\nimages=3\nslices=3\n\0")
    assert read_header(write(tiff(*planes))).pages == 3


def test_big_tiff_is_read(write):
    path = write(tiff(page(COLOR), page(COLOR[::-1]), version=BIG_TIFF))
    assert read_header(path) == Header(6, 5, 3, pages=2)
    np.testing.assert_array_equal(read(path, 3, page=1)[0], COLOR[::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_holds_for_every_decoder(write, orientation):
    shallow = write(tiff(page(COLOR, t274=(SHORT, [orientation]))), "a.tif")
    deep = write(tiff(page(COLOR.astype(np.uint16) * 257, t274=(SHORT, [orientation]))), "b.tif")
    assert read_header(shallow)[:2] == read_header(deep)[:2] == ((6, 5) if orientation < 5 else (5, 6))
    np.testing.assert_array_equal(read(shallow, 3)[0], read(deep, 3)[0])


CLAIM = struct.pack("<HHI", 700, 3, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiff(page(COLOR))[:60], "truncated"),
        (b"II*\0\0\0\0\0", "without a page"),
        (
            tiff(page(COLOR, t700=(SHORT, [1] * 4))).replace(CLAIM, CLAIM[:4] + b"\0\0\0\x7f"),
            "claim more than the file",
        ),
        (tiff(page(COLOR, t256=(LONG, [2**31]))), "are more than the 89478485 that are decoded"),
        (tiff(page(COLOR, t256=(LONG, [0]))), "has none"),
        (tiff(page(COLOR, t277=(SHORT, [65]))), "65 bands; up to 64"),
        (tiff(page(COLOR, t257=(LONG, [10**6]), t278=(LONG, [1]))), "more strips or tiles"),
        (tiff(page(COLOR, t322=(LONG, [2**30]), t323=(LONG, [2**30]))), "are more than the"),
    ],
)
def test_files_that_claim_too_much_are_refused(write, content, message):
    path = write(content)
    with pytest.raises(DataError, match=message):
        read_header(path)


def test_pages_in_a_circle_are_refused(write):
    content = bytearray(tiff(page(COLOR), page(COLOR)))
    (first,) = struct.unpack_from("<I", content, 4)
    content[-4:] = struct.pack("<I", first)
    with pytest.raises(DataError, match="whose pages go in a circle"):
        read_header(write(content))


def test_without_the_extra_one_sentence_says_how_to_get_it(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    path = write(tiff(page(DEEP[..., :3])))
    assert read_header(path).channels == 3
    with pytest.raises(DataError, match=r"^a TIFF of 3 16-bit bands needs `pip install 'aag-tf\[tiff\]'`$"):
        read(path, 3)
    np.testing.assert_array_equal(read(write(tiff(page(FOUR, extra=[2]))), 3)[0], COLOR)  # Pillow reads it


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", None])
def test_compressed_pictures(tmp_path, compression):
    Image.fromarray(COLOR).save(tmp_path / "a.tif", compression=compression)
    tolerance = 60 if compression == "jpeg" else 0
    assert np.abs(read(str(tmp_path / "a.tif"), 3)[0].astype(int) - COLOR).max() <= tolerance


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("settings", [{"tile": (16, 16)}, {"planarconfig": "separate"}, {"predictor": True}])
def test_deep_bands_compressed_tiled_and_planar(tmp_path, compression, settings):
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    if compression == "packbits" and "predictor" in settings:
        settings = {}
    values = NOISE.integers(0, 4096, (20, 24, 5), np.uint16)
    stored = np.moveaxis(values, 2, 0) if "planarconfig" in settings else values
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="minisblack",
        compression=compression,
        **({"planarconfig": "contig"} | settings),
    )
    found = read(str(tmp_path / "a.tif"), 5, Reading(value_range=(0.0, 4095.0)))[0]
    np.testing.assert_array_equal(found, np.round(values / 4095 * 255))


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"t278": (LONG, [2])}, "a TIFF that is truncated: it has 1 of 3 strips or tiles"),  # two rows in each
        ({"t257": (LONG, [600])}, "a TIFF that is truncated: it has 1 of 100 strips or tiles"),
        ({"t322": (LONG, [16]), "t323": (LONG, [2])}, "a TIFF that is truncated: it has 1 of 3 strips or tiles"),
        ({"t339": (SHORT, [5])}, "a TIFF of complex numbers, which is not read"),
        ({"t339": (SHORT, [1, 2, 1])}, "a TIFF of bands that differ in their numbers, which is not read"),
        ({"t258": (SHORT, [16, 16, 8])}, "a TIFF of bands that differ in their numbers, which is not read"),
        ({"t32997": (LONG, [4])}, "a TIFF of a volume in one page, which is not read"),
    ],
)
def test_pictures_of_which_a_part_would_be_shown_wrong_are_refused(write, tags, message):
    path = write(tiff(page(DEEP[..., :3], **tags)))
    with pytest.raises(DataError, match=message):
        read(path, 3, Reading(value_range=(0.0, 4095.0)))


def test_complex_numbers_lose_no_part_in_silence(write):
    path = write(tiff(page(np.full((6, 5), 3, np.uint64), t339=(SHORT, [6]))))
    with pytest.raises(DataError, match="save real and imaginary part as two bands"):
        read_header(path)


def test_gray_without_an_interpretation_is_not_inverted(write):
    pixels, tags = page(COLOR[..., 0])
    del tags[262]
    np.testing.assert_array_equal(read(write(tiff((pixels, tags))), 1)[0][..., 0], COLOR[..., 0])


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_transparency_of_inverted_gray(write, dtype):
    largest = np.iinfo(dtype).max
    gray = (np.arange(30).reshape(6, 5, 1) * (largest // 40)).astype(dtype)
    alpha = np.full_like(gray, largest)
    alpha[0] = 0
    path = write(tiff(page(np.concatenate([largest - gray, alpha], 2), photometric=0, extra=[2])))
    expected = np.round(gray / largest * 255)
    expected[0] = 255
    found = read(path, 1, Reading(value_range=(0.0, float(largest))))[0]
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_gray_with_transparency_is_gray_in_its_own_channels(write):
    path = write(tiff(page(np.concatenate([COLOR[..., :1], np.full((6, 5, 1), 255, np.uint8)], 2), extra=[2])))
    assert pictures.decode_page(path).pixels.mode == "L"


@pytest.mark.parametrize("compression", ["lerc", "png", "jpegxl", "webp"])
def test_compressions_that_pillow_lacks(write, compression):
    tifffile, _ = pytest.importorskip("tifffile"), pytest.importorskip("imagecodecs")
    buffer = io.BytesIO()
    settings = {"lossless": True} if compression == "webp" else {}
    tifffile.imwrite(buffer, COLOR, photometric="rgb", compression=compression, compressionargs=settings, metadata=None)
    np.testing.assert_array_equal(read(write(buffer.getvalue()), 3)[0], COLOR)
