"""Deep images come in one range of the whole data set, which is found once and said."""

import numpy as np
import pytest
from PIL import Image
from raw_tiff import page, tiff

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import open_source
from aag_tf.data.files import value_range
from aag_tf.utils.errors import DataError

TWELVE = np.random.default_rng(0).integers(0, 4096, (8, 16, 16), np.uint16)
TWELVE[0, 0, :2] = 0, 4095


def save(folder, images, suffix="png"):
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(images):
        if suffix == "tif":
            (folder / f"{number:03}.tif").write_bytes(tiff(page(image)))
        else:
            Image.fromarray(image).save(folder / f"{number:03}.{suffix}")
    return f"folder:{folder}"


def read(dataset, image_size=None, **settings):
    reading = ReadingConfig(**settings)
    source = open_source(DataConfig(dataset, image_size=image_size, validation_fraction=0.0, reading=reading))
    return source.train.images.numpy(range(len(source.train))), source.reading.value_range


def test_twelve_bits_keep_their_levels_and_the_range_is_said_in_one_line(tmp_path, caplog):
    dataset = save(tmp_path / "x", TWELVE)
    found, span = read(dataset)
    assert span == (0.0, 4095.0)
    np.testing.assert_array_equal(found[..., 0], np.round(TWELVE / 4095 * 255))
    assert len(np.unique(found)) == 256
    assert caplog.messages == [
        f"{dataset} has 8 images of more than 8 bits: their values from 0 to 4095 (lowest and highest of all 8) become "
        "black to white, others are clipped; --value_range=LOW..HIGH or percentile decides otherwise."
    ]


def test_files_and_arrays_are_read_alike(tmp_path):
    dataset = save(tmp_path / "x", TWELVE, "tif")
    np.savez(tmp_path / "x.npz", images=TWELVE)
    for size in (None, 7, "9x30"):
        (files, span), (arrays, same) = read(dataset, size), read(f"npz:{tmp_path}/x.npz", size)
        assert span == same
        np.testing.assert_array_equal(files, arrays)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float16, np.float32, np.float64, np.uint32])
def test_arrays_of_every_depth(tmp_path, dtype):
    values = np.linspace(-200 if np.dtype(dtype).kind != "u" else 0, 800, 4 * 6 * 5 * 2).reshape(4, 6, 5, 2)
    np.savez(tmp_path / "x.npz", images=values.astype(dtype))
    found, (low, high) = read(f"npz:{tmp_path}/x.npz")
    assert found.shape == (4, 6, 5, 2)
    exact = (values.astype(dtype).astype(float) - low) / (high - low) * 255
    assert np.abs(found - exact).max() <= 0.501


def test_an_explicit_range_clips_and_says_nothing(tmp_path, caplog):
    values = np.array([[[-5, 0, 500, 1000, 3000]]] * 3, np.int16)
    np.savez(tmp_path / "x.npz", images=values)
    found, span = read(f"npz:{tmp_path}/x.npz", value_range="0..1000")
    assert span == (0.0, 1000.0)
    assert found[0].ravel().tolist() == [0, 0, 128, 255, 255]
    assert caplog.messages == []


def test_percentiles_pass_over_hot_pixels(tmp_path, caplog):
    images = TWELVE.copy()
    images[0, 0, 0] = 65_535
    dataset = save(tmp_path / "x", images)
    assert read(dataset)[1] == (0.0, 65_535.0)
    low, high = read(dataset, value_range="percentile")[1]
    assert 0 < low < 20
    assert 4070 < high <= 4095
    assert "(0.1th and 99.9th percentile of all 8)" in caplog.messages[-1]


def test_a_sample_of_many_files_decides_and_is_called_one(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(value_range, "SAMPLED", 3)
    images = np.repeat(TWELVE[:1] // 2, 9, axis=0)
    images[1] = 4095  # between those that are looked at
    assert read(save(tmp_path / "x", images))[1] == (0.0, 2047.0)
    assert "lowest and highest of a sample of 3" in caplog.text


def test_pixels_that_are_no_number_are_black_and_counted(tmp_path, caplog):
    images = np.linspace(0, 1, 3 * 4 * 4, dtype=np.float32).reshape(3, 4, 4)
    images[0, 0, :3] = np.nan, np.inf, -np.inf
    found, span = read(save(tmp_path / "x", images, "tif"))
    assert span == pytest.approx((3 / 47, 1.0))
    assert found[0, 0, :3, 0].tolist() == [0, 255, 0]
    assert "pixels that are no number, as in 1 of these, are black" in caplog.text


def test_files_of_8_bits_beside_deeper_ones_stay_as_they_are(tmp_path, caplog):
    dataset = save(tmp_path / "x", TWELVE[:3])
    shallow = (TWELVE[3] // 16).astype(np.uint8)
    Image.fromarray(shallow).save(tmp_path / "x" / "9.png")
    found, span = read(dataset)
    assert span == (0.0, 4095.0)
    np.testing.assert_array_equal(found[3, ..., 0], shallow)
    assert "has 3 images of more than 8 bits beside 1 of 8 bits, which are read as they are: their" in caplog.text


@pytest.mark.parametrize(
    ("value", "setting", "message"),
    [
        (7, "auto", "every value of the deep images of folder:.* is 7, so there is nothing to see; check the files"),
        (7, "percentile", "is 7 from the 0.1th to the 99.9th percentile, so"),
        (np.nan, "auto", "hold no numbers at all"),
    ],
)
def test_a_data_set_of_one_value_is_refused(tmp_path, value, setting, message):
    dataset = save(tmp_path / "x", np.full((3, 4, 4), value, np.float32), "tif")
    with pytest.raises(DataError, match=message):
        read(dataset, value_range=setting)
    assert (read(dataset, value_range="0..14")[0] == (0 if np.isnan(value) else 128)).all()


def test_deep_images_are_scaled_before_they_are_rounded(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 4095, 64).astype(np.uint16), (2, 64, 64))
    dataset = save(tmp_path / "x", ramp)
    found = read(dataset, 16)[0][0, 0, :, 0]
    exact = np.asarray(Image.fromarray(ramp[0].astype(np.float32)).resize((16, 16), Image.Resampling.BILINEAR))[0]
    np.testing.assert_array_equal(found, np.round(exact / ramp.max() * 255))


def test_deep_transparency_shows_white(tmp_path):
    from picture_cases import png16

    pixels = np.array([[[0, 0, 0, 65_535], [0, 4095, 0, 0], [4095, 0, 2047, 32_768]]], np.uint16)
    for number in range(2):
        tmp_path.joinpath(f"{number}.png").write_bytes(png16(pixels))
    found, span = read(f"folder:{tmp_path}")
    assert span == (0.0, 4095.0)
    assert found[0, 0].tolist() == [[0, 0, 0], [255, 255, 255], [255, 127, 191]]


def test_data_sets_that_are_joined_have_one_range(tmp_path):
    dataset = save(tmp_path / "x", TWELVE)
    assert read(f"{dataset},{save(tmp_path / 'y', TWELVE * 2)}")[1] == (0.0, 8190.0)
    np.savez(tmp_path / "x.npz", images=TWELVE * 2)
    joined = f"{dataset},npz:{tmp_path}/x.npz"
    with pytest.raises(DataError, match=r"several ranges \(folder:.* 0\.\.4095; npz:.* 0\.\.8190\).*--value_range"):
        read(joined)
    found, span = read(joined, value_range="0..8190")
    assert span == (0.0, 8190.0)
    assert found[:8].max() == 128


def test_a_range_without_effect_is_told(tmp_path, caplog):
    dataset = save(tmp_path / "x", (TWELVE // 16).astype(np.uint8))
    np.savez(tmp_path / "x.npz", images=(TWELVE // 16).astype(np.uint8))
    for name in (dataset, f"npz:{tmp_path}/x.npz"):
        caplog.clear()
        found, _ = read(name, value_range="0..100")
        np.testing.assert_array_equal(found[..., 0], TWELVE // 16)
        assert caplog.messages == [
            f"the range of values 0..100 (--value_range) has no effect on {name}, whose images have 8 bits and are "
            "read as they are."
        ]
