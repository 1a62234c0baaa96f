"""Files of several pages, and of any number of channels, as a data set."""

import numpy as np
import pytest
from PIL import Image
from raw_tiff import page, tiff

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import FileImages, open_source
from aag_tf.data.files.formats import pillow
from aag_tf.data.images import memory
from aag_tf.utils.errors import DataError

NOISE = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)


def read(folder, **settings):
    return open_source(DataConfig(f"folder:{folder}", validation_fraction=0.0, reading=ReadingConfig(**settings)))


@pytest.fixture
def stacks(tmp_path):
    """Two classes of two stacks, of five and two pages."""
    for name, pixels in (("a", NOISE), ("b", NOISE[:2])):
        for number in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{number}.tif").write_bytes(tiff(*map(page, pixels)))
    return tmp_path


@pytest.mark.parametrize("limit", [None, 0])
def test_each_page_is_an_image_with_the_label_of_its_file(stacks, caplog, monkeypatch, limit):
    if limit is not None:
        monkeypatch.setattr(memory, "MEMORY_LIMIT", limit)
    source = read(stacks, pages="each")
    assert source.test is None, "a fifth of four files is none"
    assert (len(source.train), source.class_names) == (14, ["a", "b"])
    assert np.bincount(source.train.labels).tolist() == [10, 4]
    first = source.train.images.numpy([0])[0, ..., 0]
    assert any((first == frame).all() for frame in NOISE)
    assert caplog.messages[0].endswith(
        f"folder:{stacks} has 4 files of several pages ({stacks}/a/0.tif: 5, {stacks}/a/1.tif: 5, {stacks}/b/0.tif: 2, "
        "and 1 more): each of their 14 pages is an image (--pages=each), and pages of one file stay in one split."
    )
    assert isinstance(source.train.images._images, FileImages) == (limit == 0)


def test_the_first_page_is_read_and_the_others_are_told(stacks, caplog):
    source = read(stacks)
    assert len(source.train) + (0 if source.test is None else len(source.test)) == 4
    assert "only the first of each is read; --pages=each makes every page an image." in caplog.text
    np.testing.assert_array_equal(source.train.images.numpy([0])[0, ..., 0], NOISE[0])


def test_a_broken_page_is_skipped_and_named(tmp_path, caplog):
    for number in range(2):
        Image.fromarray(NOISE[0]).save(
            tmp_path / f"{number}.tif", save_all=True, append_images=[Image.fromarray(NOISE[1])], compression="tiff_lzw"
        )
    content = bytearray((tmp_path / "1.tif").read_bytes())
    with Image.open(tmp_path / "1.tif") as picture:
        picture.seek(1)
        at = int(picture.tag_v2[273][0])
    content[at : at + 40] = b"\xff" * 40
    (tmp_path / "1.tif").write_bytes(content)
    source = read(tmp_path, pages="each")
    assert len(source.train) == 3
    assert list(source.skipped) == [f"{tmp_path}/1.tif#page=2"]
    assert f"skipped 1 of 4 image files of folder:{tmp_path}: {tmp_path}/1.tif#page=2: " in caplog.text


def bands(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (8, 8, count), np.uint8)


def test_any_number_of_channels_is_read(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", bands(5, number))
    source = read(tmp_path)
    assert source.image_shape == (8, 8, 5)
    np.testing.assert_array_equal(source.train.images.numpy([2])[0], bands(5, 2))
    np.testing.assert_array_equal(read(tmp_path, channels=2).train.images.numpy([2])[0], bands(5, 2)[..., :2])
    with pytest.raises(DataError, match=r"0\.npy: 5 channels, which is fewer than the 7 that are read \(--channels\)"):
        read(tmp_path, channels=7)


def test_files_of_other_channels_are_refused_in_one_sentence(tmp_path):
    Image.fromarray(bands(3)).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", bands(5))
    with pytest.raises(DataError) as refusal:
        read(tmp_path)
    assert str(refusal.value) == (
        f"the files of folder:{tmp_path} differ in their channels: 3 (as {tmp_path}/a.png), 5 (as {tmp_path}/b.npy); "
        "give --channels=3 to read the first 3 of each, or keep files of one kind."
    )
    assert read(tmp_path, channels=3).image_shape == (8, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pictures_of_color_have_no_five_channels(tmp_path, suffix):
    for number in range(2):
        Image.fromarray(bands(3, number)).save(tmp_path / f"{number}.{suffix}")
    with pytest.raises(DataError, match=r"none of the 2 image files .*: 3 channels, and 5 are read \(--channels\)\."):
        read(tmp_path, channels=5)


def test_color_becomes_gray_and_gray_color(tmp_path):
    for number in range(2):
        Image.fromarray(bands(3, number)).save(tmp_path / f"{number}.png")
    expected = np.asarray(Image.fromarray(bands(3)).convert("L"))
    np.testing.assert_array_equal(read(tmp_path, channels=1).train.images.numpy([0])[0, ..., 0], expected)
    np.savez(tmp_path / "x.npz", images=np.stack([bands(3, 0), bands(3, 1)]))
    arrays = open_source(
        DataConfig(f"npz:{tmp_path}/x.npz", validation_fraction=0.0, reading=ReadingConfig(channels=1))
    )
    assert np.abs(arrays.train.images.numpy([0])[0, ..., 0].astype(int) - expected).max() <= 1
    np.savez(tmp_path / "x.npz", images=np.stack([bands(1, 0), bands(1, 1)]))
    arrays = open_source(
        DataConfig(f"npz:{tmp_path}/x.npz", validation_fraction=0.0, reading=ReadingConfig(channels=3))
    )
    np.testing.assert_array_equal(arrays.train.images.numpy([1])[0], np.repeat(bands(1, 1), 3, axis=2))


def test_pages_of_one_file_stay_in_one_split(tmp_path):
    for number in range(20):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        pages = [page(np.full((4, 4), number, np.uint8)) for _ in range(3)]
        (tmp_path / "ab"[number % 2] / f"{number}.tif").write_bytes(tiff(*pages))
    np.savez(tmp_path / "x.npz", images=np.full((10, 4, 4), 99, np.uint8), labels=np.arange(10) % 2)
    for dataset, others in ((f"folder:{tmp_path}", 0), (f"folder:{tmp_path},npz:{tmp_path}/x.npz", 10)):
        source = open_source(DataConfig(dataset, reading=ReadingConfig(pages="each", channels=1)))
        splits = (source.train, source.validation, source.test)
        assert sum(map(len, splits)) == 60 + others
        found = [set(split.images.numpy(range(len(split)))[:, 0, 0, 0].tolist()) - {99} for split in splits]
        assert sum(map(len, found)) == 20
        assert set.union(*found) == set(range(20))
        assert len(found[2]) >= 4


def test_frames_of_an_animation_are_read_in_one_pass(tmp_path, monkeypatch):
    frames = [Image.fromarray(np.full((8, 8), 5 * number, np.uint8)) for number in range(30)]
    for name in ("a.gif", "b.png", "c.webp"):
        lossless = {"lossless": True} if name.endswith("webp") else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **lossless)
    opened = []
    monkeypatch.setattr(pillow, "_seek", lambda *given, seek=pillow._seek: (opened.append(given[1]), seek(*given)))
    source = read(tmp_path, pages="each")
    assert len(source.train) == 90
    assert source.train.images.numpy(range(90))[:, 0, 0, 0].tolist() == [5 * number for number in range(30)] * 3
    assert len(opened) == 3 * (2 + 29)  # Pillow counts the frames, and decodes those behind the first in one pass
