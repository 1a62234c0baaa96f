import io
import math
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import fingerprint, open_source
from aag_tf.data.images import memory
from aag_tf.data.sources.array_rows import open_rows
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
        (header((2**50,)), 0, r"cannot be read as an archive of plain arrays \(`images` is cut off\)"),
        (header((4, 4, 4)), 1, r"cannot be read as an archive of plain arrays .*encrypted"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1' (", 0, "cannot be read as an archive of plain arrays"),
        (b"\x93NUMPY\x09\x00", 0, "cannot be read as an archive of plain arrays"),
    ],
)
def test_archives_of_strangers(tmp_path, content, flags, message):
    with pytest.raises(DataError, match=message) as refusal:
        open_source(archive(tmp_path / "a.npz", content, flags=flags))
    assert "\n" not in str(refusal.value)


LABELED = {"labels": LABELS, "test_images": PICTURES[:7], "test_labels": LABELS[:7]}


def compressed(path, **arrays):
    np.savez_compressed(path / "a.npz", **arrays)
    return f"npz:{path}/a.npz"


def stored(path, **arrays):
    np.savez(path / "a.npz", **arrays)
    return f"npz:{path}/a.npz"


ARRAYS = {
    "RGB": PICTURES,
    "gray": PICTURES[..., 0],
    "deep": PICTURES.astype(np.uint16) * 16,
    "fractions": PICTURES[..., :1] / np.float32(100),
    "truth values": PICTURES[..., 0] > 99,
    "twelve bands": np.concatenate([PICTURES] * 4, axis=3),
    "column by column": np.asfortranarray(PICTURES),
}
SETTINGS = {"as they are": {}, "scaled": {"image_size": 8}, "a band": {"reading": ReadingConfig(channels=1)}}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", ARRAYS)
def test_an_archive_larger_than_memory_is_read_from_the_disk(kind, settings, tmp_path, monkeypatch, caplog):
    images = ARRAYS[kind]
    arrays = {**LABELED, "images": images, "test_images": images[:7]}
    config = DataConfig(dataset=stored(tmp_path, **arrays), validation_fraction=0.2, **SETTINGS[settings])
    kept = open_source(config)
    assert kept.train.images.storage.kind == "memory"
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 27 * math.prod(kept.image_shape) - 1)
    if (kind, settings) == ("column by column", "a band"):
        with pytest.raises(DataError, match=r"`images` of .* takes .* stored column by column, .*ascontiguousarray"):
            open_source(config)
        return
    read = open_source(config)
    assert read.train.images.storage.kind == "memory_map"
    assert "its images are read from the disk in every epoch" in caplog.text
    rng = np.random.default_rng(0)
    for role in ("train", "validation", "test"):
        own, wanted = getattr(read, role), getattr(kept, role)
        rows = rng.permutation(len(own))
        np.testing.assert_array_equal(own.images.numpy(rows), wanted.images.numpy(rows))
        np.testing.assert_array_equal(own.images.fetch(tf.constant(rows[:3])), wanted.images.numpy(rows[:3]))
        np.testing.assert_array_equal(own.labels, wanted.labels)
    assert fingerprint(read.train.images) == fingerprint(kept.train.images)


def test_a_compressed_archive_larger_than_memory_is_packed_first(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", PICTURES.nbytes - 1)
    name = compressed(tmp_path, images=PICTURES)
    with pytest.raises(DataError, match=rf"{name} needs 0\.0 GiB at 6x5x3, above .* pack it once with `aag-pack"):
        open_source(DataConfig(dataset=name))
    assert open_source(DataConfig(dataset=name, image_size=4)).image_shape == (4, 4, 3)


def test_an_archive_that_was_cut_off_meanwhile_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", PICTURES.nbytes - 1)
    images = open_source(DataConfig(dataset=stored(tmp_path, images=PICTURES))).train.images
    with (tmp_path / "a.npz").open("r+b") as file:
        file.truncate(700)
    with pytest.raises(
        DataError, match=r"npz:.*a\.npz can no longer be read \(EOFError: it ends too early\); restore it"
    ):
        images.numpy(np.arange(18))


def test_a_damaged_value_is_noticed(tmp_path):
    name = stored(tmp_path, images=PICTURES)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[1000] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"cannot be read as an archive of plain arrays \(Bad CRC-32"):
        open_source(DataConfig(dataset=name))


@pytest.mark.parametrize("make", [stored, compressed])
def test_rows_in_any_order(make, tmp_path):
    make(tmp_path, images=PICTURES)
    rows = open_rows(tmp_path / "a.npz", ("images", "labels"), 0)["images"]
    assert (len(rows), rows.shape, rows.dtype, rows.in_any_order) == (20, (20, 6, 5, 3), np.uint8, make is stored)
    for numbers in ([0], [3, 4, 5, 19], [19, 0, 7, 7, 8], [], list(range(20)), [1]):
        np.testing.assert_array_equal(rows.read(np.array(numbers, np.int64)), PICTURES[numbers])


def npy(array):
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def doubled(path, names):
    """An archive whose first member of a name is small and whose second is large."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same name twice
        for number, name in enumerate(names):
            file.writestr(name, npy(np.zeros((4, 64 * 8**number, 8, 3), np.uint8)))


@pytest.mark.parametrize("names", [("images.npy", "images"), ("images", "images.npy"), ("images.npy", "images.npy")])
def test_an_array_that_an_archive_holds_twice_is_refused(tmp_path, monkeypatch, names):
    doubled(tmp_path / "a.npz", names)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 10_000)  # the small one takes less, and the other was read
    with pytest.raises(DataError) as error:
        open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz"))
    assert str(error.value) == (
        f"{tmp_path}/a.npz holds `images` twice, and which of them is meant cannot be told; write it with numpy.savez."
    )


@pytest.mark.parametrize("name", ["images.npy", "images"])
def test_an_array_is_read_under_the_name_that_it_has(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr(name, npy(PICTURES))
    assert open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz")).image_shape == (6, 5, 3)


@pytest.mark.parametrize("claimed", [100, 10**6])
def test_a_member_that_unpacks_to_more_than_it_claims_is_read_no_further(tmp_path, claimed):
    """Its directory says less than the data hold: what is behind is neither unpacked nor shown."""
    content = npy(np.zeros((2**20, 8, 8, 1), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", content)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    assert len(data) < 10**6
    for start, field in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = data.index(start) + field
        data[at : at + 4] = claimed.to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(data)
    del content
    tracemalloc.start()
    with pytest.raises(DataError, match=r"cannot be read as an archive of plain arrays \((Bad CRC-32|`images` is cut)"):
        open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz"))
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 8 * 2**20  # of 64 MiB


@pytest.mark.parametrize("shape", ["(-1, 8, 8)", "(-4, -8, 8)", "(1000000000000000000000, 8, 8)"])
def test_shapes_that_no_array_has_are_refused(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + bytes(256)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images.npy", content)
    with pytest.raises(DataError, match=r"cannot be read as an archive of plain arrays|unpacks to"):
        open_source(DataConfig(dataset=f"npz:{tmp_path}/a.npz"))
