import concurrent.futures
import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from aag_tf.data.files import pictures, regular_file
from aag_tf.data.files.formats import decoded as formats
from aag_tf.data.files.formats import jpeg, pillow
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.pictures import Header, decode, is_picture, read_header
from aag_tf.data.files.reading import Reading
from aag_tf.utils.errors import DataError

HALVES = np.zeros((6, 8, 3), np.uint8)  # the left half red
HALVES[:, :4, 0] = 255


def test_plain_picture_comes_as_it_is(save_noise):
    path = save_noise("a.png", (7, 5))
    np.testing.assert_array_equal(decode(str(path), (5, 7, 3)), np.asarray(Image.open(path)))
    assert read_header(str(path)) == Header(5, 7, 3, decoder=Decoder.PNG)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_gray_modes_are_gray(save_noise, mode):
    path = save_noise("a.png", mode=mode)
    assert read_header(str(path)).channels == 1
    expected = np.asarray(Image.open(path).convert("L"))[..., np.newaxis]
    np.testing.assert_array_equal(decode(str(path), (12, 12, 1)), expected)
    np.testing.assert_array_equal(decode(str(path), (12, 12, 3)), np.repeat(expected, 3, axis=2))


def test_sixteen_bit_gray_is_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert read_header(str(tmp_path / "deep.png")) == Header(1, 4, 1, deep=True, decoder=Decoder.DEEP_PNG)
    assert decode(str(tmp_path / "deep.png"), (1, 4, 1)).ravel().tolist() == [0, 1, 128, 255]
    assert decode(str(tmp_path / "deep.png"), (1, 4, 3))[0, 2].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0.5]], np.float32), "floating-point values, whose range is not known"),
        (np.array([[70_000]], np.int32), "values from 70000 to 70000, which are not 16-bit"),
    ],
)
def test_values_of_unknown_range_are_refused(tmp_path, values, message):
    Image.fromarray(values).save(tmp_path / "odd.tiff")
    with pytest.raises(DataError, match=message):
        decode(str(tmp_path / "odd.tiff"), (1, 1, 1))


def test_transparent_pixels_show_white(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    shown = decode(str(tmp_path / "a.png"), (1, 3, 3))[0].tolist()
    assert shown == [[255, 0, 0], [255, 255, 255], [204, 204, 204]]


def test_transparent_palette_entry_shows_white(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode=None).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 1, 2])
    picture.save(tmp_path / "a.png", transparency=1)
    shown = decode(str(tmp_path / "a.png"), (1, 3, 3))[0].tolist()
    assert shown == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]
    assert read_header(str(tmp_path / "a.png")).channels == 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_rotation_of_the_camera_is_honored(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown rotated by 90 degrees clockwise: left becomes top
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.repeat(np.repeat(HALVES, 4, 0), 4, 1)).save(path, exif=exif, lossless=True)
    assert read_header(str(path)) == Header(32, 24, 3)
    shown = decode(str(path), (32, 24, 3))
    assert shown[:12, :, 0].min() > 200
    assert shown[20:, :, 0].max() < 50


def test_a_pipe_is_not_waited_for_and_a_huge_file_not_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    for read in (read_header, lambda path: decode(path, (4, 4, 3))):
        with pytest.raises(DataError, match="not a regular file"):
            read(str(tmp_path / "pipe.png"))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    monkeypatch.setattr(regular_file, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="bytes are more than the 10 that are read"):
        read_header(str(tmp_path / "a.png"))


def test_center_of_the_shorter_side_is_kept(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 90
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (decode(str(tmp_path / "a.png"), (10, 10, 3)) == 90).all()


def test_large_jpeg_decoded_at_reduced_scale_shows_the_same(tmp_path):
    ramp = np.linspace(0, 255, 640).astype(np.uint8)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(90)), axis=-1)
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(decode(str(tmp_path / "a.jpg"), (32, 32, 3)) - expected).max() <= 6


def test_decompression_bomb_is_refused(save_noise):
    path = str(save_noise("a.png", (12, 12)))
    for work in (
        lambda limit: read_header(path, limit),
        lambda limit: decode(path, (4, 4, 3), Reading(max_pixels=limit)),
    ):
        work(144)
        with pytest.raises(DataError, match=r"12x12 pixels are more than the 143 that are decoded \(--max_pixels\)"):
            work(143)


def test_a_jpeg_that_tensorflow_does_not_decode_whole_is_named_and_read_where_a_half_is_enough(save_noise, monkeypatch):
    path = str(save_noise("a.jpg", (16, 16)))
    monkeypatch.setattr(jpeg, "MAX_BYTES", 3 * 16 * 16 - 1)
    with pytest.raises(DataError, match=r"16x16 pixels are more than the 255 that are decoded of such a JPEG file"):
        decode(path, (8, 8, 3))
    assert decode(path, (4, 4, 3)).shape == (4, 4, 3)


def test_names_that_are_pictures():
    assert [name for name in ("a.JPG", "b.png", ".c.png", "d.txt", "png", "e.pdf") if is_picture(name)] == [
        "a.JPG",
        "b.png",
    ]


def test_a_format_that_starts_other_programs_is_not_opened_whatever_its_name(tmp_path):
    Image.fromarray(HALVES).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")  # Pillow would hand it to Ghostscript
    with pytest.raises(DataError, match="a PostScript file, which is not read: convert it to PNG or JPEG"):
        decode(str(tmp_path / "a.png"), (6, 8, 3))


def test_open_files_are_decoded_as_paths_are(save_noise):
    path = save_noise("a.png", (7, 5))
    with path.open("rb") as file:
        np.testing.assert_array_equal(decode(file, (4, 4, 3)), decode(str(path), (4, 4, 3)))


def test_large_pictures_are_decoded_one_at_a_time(save_noise, monkeypatch):
    path = str(save_noise("a.png", (7, 5)))
    convert = pillow.decoded
    met = []

    def watched(image, channels):
        try:
            barrier.wait()
            met.append(True)
        except threading.BrokenBarrierError:  # nobody else came
            met.append(False)
        return convert(image, channels)

    monkeypatch.setattr(pillow, "decoded", watched)
    for limit, timeout, expected in ((35, 60.0, [True] * 2), (10, 0.2, [False] * 2)):
        barrier = threading.Barrier(2, timeout=timeout)
        monkeypatch.setattr(formats, "LARGE_PIXELS", limit)
        met.clear()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: decode(path, (4, 4, 3)), range(2)))
        assert met == expected


def test_a_jpeg_of_endless_scans_is_refused(save_noise):
    path = save_noise("a.png", (48, 32))
    Image.open(path).save(path.with_suffix(".jpg"), progressive=True)
    data = path.with_suffix(".jpg").read_bytes()
    pixels = decode(str(path.with_suffix(".jpg")), (32, 48, 3))
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(path.with_suffix(".jpg"))))
    np.testing.assert_array_equal(decode(io.BytesIO(data + b"\xff\xda\x55" * 300), (32, 48, 3)), pixels)  # a video
    last = data.rindex(b"\xff\xda")
    endless = data[:-2] + data[last:-2] * 300 + data[-2:]
    with pytest.raises(DataError, match="scans of 48x32 pixels are more than are decoded"):
        decode(io.BytesIO(endless), (32, 48, 3))
    limit = Reading(max_pixels=48 * 32)
    decode(io.BytesIO(data), (32, 48, 3), limit)
    with pytest.raises(DataError, match="scans of 48x32"):
        decode(io.BytesIO(data[:-2] + data[last:-2] * 16 + data[-2:]), (32, 48, 3), limit)


def test_a_thumbnail_is_the_whole_picture_made_no_larger(save_noise):
    path = str(save_noise("a.png", (80, 40)))
    assert pictures.thumbnail(path, 20).size == (20, 10)
    small = pictures.thumbnail(path, 100)
    np.testing.assert_array_equal(np.asarray(small), np.asarray(Image.open(path)))
