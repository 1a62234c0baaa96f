import io
import zipfile

import numpy as np
import pytest

from aag_tf.config import DataConfig
from aag_tf.data import memory, open_source
from aag_tf.utils.errors import DataError

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(20) % 2


def open_npz(tmp_path, *, settings=None, **arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    return open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz", **(settings or {})))


def test_labeled_archive_with_test_part(tmp_path):
    source = open_npz(tmp_path, images=PICTURES, labels=LABELS, test_images=PICTURES[:4], test_labels=LABELS[:4])
    assert source.image_shape == (6, 5, 3)
    assert (len(source.train), len(source.validation), len(source.test)) == (18, 2, 4)
    np.testing.assert_array_equal(source.test.images.numpy(range(4)), PICTURES[:4])
    assert source.test.labels.tolist() == [0, 1, 0, 1]


def test_unlabeled_gray_archive_without_channels(tmp_path):
    source = open_npz(tmp_path, images=PICTURES[..., 0], settings={"validation_fraction": 0.0})
    assert source.image_shape == (6, 5, 1)
    assert source.train.labels is None
    assert source.test is None
    np.testing.assert_array_equal(source.train.images.numpy(range(20)), PICTURES[..., :1])


def test_image_size_applies(tmp_path):
    assert open_npz(tmp_path, images=PICTURES, settings={"image_size": 8}).image_shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": PICTURES}, r"a\.npz holds no array `images`; save it with numpy\.savez"),
        (
            {"images": PICTURES * 1j},
            "`images` of .* is complex128; store real numbers, best uint8 values from 0 to 255",
        ),
        ({"images": PICTURES[0, 0]}, r"`images` of .* has shape \[5, 3\]; it must be"),
        ({"images": np.zeros((2, 6, 5, 65))}, r"`images` of .* has shape \[2, 6, 5, 65\]; it must be"),
        ({"images": PICTURES[:0]}, r"`images` of .* has shape \[0, 6, 5, 3\]; it must be"),
        (
            {"images": PICTURES, "labels": LABELS[:7]},
            "`labels` of .*: there are 20 images but 7 labels",
        ),
        ({"images": PICTURES, "labels": LABELS / 2}, "`labels` of .* does not fit `images`: labels are float64"),
        ({"images": PICTURES, "test_labels": LABELS}, "holds `test_labels` without `test_images`"),
        ({"images": PICTURES, "test_images": PICTURES[:, :3]}, r"test images of shape \(3, 5, 3\) but train images"),
        ({"images": np.array([{}], object)}, "cannot be read as an archive of plain arrays .*Object arrays"),
        ({"images": PICTURES[:1]}, "too few images, 1 to train on"),
    ],
)
def test_archives_that_do_not_fit(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        open_npz(tmp_path, **arrays)


def test_file_that_is_missing_or_no_archive(tmp_path):
    with pytest.raises(DataError, match="is not a file; --dataset=npz:<path> names an archive"):
        open_source(DataConfig(dataset=f"npz:{tmp_path}/none.npz"))
    np.save(tmp_path / "plain.npy", PICTURES)
    with pytest.raises(DataError, match="cannot be read as an archive of plain arrays"):
        open_source(DataConfig(dataset=f"npz:{tmp_path}/plain.npy"))


def archive(path, content, *, flags=0):
    """An archive with one member `images.npy`, of which headers may say what is not true."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("images.npy", content)
    if flags:  # of the member, in both of its headers
        data = bytearray(path.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(signature) + offset] |= flags
        path.write_bytes(data)
    return DataConfig(dataset=f"npz:{path}")


def header(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (header((2**50,)), 0, r"unpacks to 1048576\.0 GiB, above the limit"),
        (header((4, 4, 4)), 1, r"cannot be read as an archive of plain arrays .*encrypted"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1' (", 0, "cannot be read as an archive of plain arrays"),
        (b"\x93NUMPY\x09\x00", 0, "cannot be read as an archive of plain arrays"),
    ],
)
def test_archives_of_strangers(tmp_path, content, flags, message):
    with pytest.raises(DataError, match=message) as refusal:
        open_source(archive(tmp_path / "a.npz", content, flags=flags))
    assert "\n" not in str(refusal.value)


def test_images_that_are_scaled_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 20_000)
    assert open_npz(tmp_path, images=PICTURES, settings={"image_size": 16}).image_shape == (16, 16, 3)
    with pytest.raises(DataError, match=r"needs 0\.0 GiB at 32x32x3, above the limit of .*smaller --image_size"):
        open_npz(tmp_path, images=PICTURES, settings={"image_size": 32})


def test_archive_that_unpacks_to_more_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 2**20)
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((2000, 32, 32, 1), np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < 2**20
    with pytest.raises(DataError, match=r"unpacks to 0\.0 GiB, above the limit of 0\.0 GiB"):
        open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz"))
